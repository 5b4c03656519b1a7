"""A real browser. Tests that need it are skipped by name where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_browser import PATIENCE, Visit
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright
from running_chain import Chain
from running_station import Console

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start an installed Chromium."""
    found = next(filter(None, map(shutil.which, _COMMANDS)), None)
    if found is None and Path(playwright.chromium.executable_path).exists():
        found = playwright.chromium.executable_path
    if found is None:
        pytest.skip("needs Chromium: install it, or run: playwright install chromium")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    options = ["--no-sandbox"] if is_root else []
    try:
        browser = playwright.chromium.launch(executable_path=found, args=options)
    except Error as error:
        pytest.skip(f"needs a Chromium that starts: {error.message.splitlines()[0]}")
    yield browser
    browser.close()


@pytest.fixture
def chain() -> Iterator[Chain]:
    with Chain() as chain:
        yield chain


Open = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Open]:
    """Return a function that opens a console in a browser of its own."""
    visits: list[Visit] = []

    def open_console(console: Console, **options: object) -> Visit:
        visits.append(Visit(chromium.new_context(**options), console))
        return visits[-1]

    yield open_console
    for one in visits:
        one.context.close()
    for one in visits:
        assert one.foreign == [], "the page asked for something outside"
        assert one.errors == [], "the page's JavaScript failed"
        assert one.dialogs == [], "the page opened a dialog that nobody expected"
