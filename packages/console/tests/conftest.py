"""Hide the station of the user, and give each test a station of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from capabilities import RUNS_BROWSERS, require
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from running_station import Station

pytest_plugins = ["own_station"]

# The machine may be busy: a slow example says nothing.
settings.register_profile(
    "patient", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


@pytest.fixture
def station() -> Iterator[Station]:
    """A folder with a runtime folder, in which a logger and consoles run."""
    from running_station import Station  # not before the plugin below is loaded

    with Station() as station:
        yield station


_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """An installed Chromium, or the one of Playwright; tests are skipped where there is none.

    Playwright keeps an event loop in this thread. So it ends before the tests of the next file.
    """
    require(RUNS_BROWSERS, "browser: Wine ends the driver of Playwright")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next(filter(None, map(shutil.which, _COMMANDS)), own)
        if not Path(found).exists():
            pytest.skip("needs Chromium: install it, or run: playwright install chromium")
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"] if is_root else []
        )
        yield browser
        browser.close()
