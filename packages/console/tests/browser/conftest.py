"""Browsers that are signed in to a console, and the chain that it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from console_browser import Visit
from playwright.sync_api import Browser
from running_chain import Chain
from running_station import Console

Open = Callable[..., Visit]


@pytest.fixture
def chain() -> Iterator[Chain]:
    with Chain() as chain:
        yield chain


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Open]:
    """Return a function that opens a console in a browser of its own."""
    visits: list[Visit] = []

    def open_console(console: Console, **options: object) -> Visit:
        visits.append(Visit(chromium.new_context(**options), console, console.new_link()))
        return visits[-1]

    yield open_console
    for one in visits:
        one.context.close()
    for one in visits:
        assert one.foreign == [], "the page asked for something outside"
        assert one.errors == [], "the page's JavaScript failed"
        assert one.dialogs == [], "the page opened a dialog that nobody expected"
