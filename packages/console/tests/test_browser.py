"""The pages in a real browser. Without one, these tests are skipped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from processes import eventually
from running_station import Console, Station

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    return chromium


@pytest.fixture
def console(station: Station) -> Console:
    return station.start_console("--control")


def _open(browser: Browser, console: Console) -> tuple[Page, list[str]]:
    """Return a page that is signed in, and what it complains of or asks elsewhere."""
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((console.address, "data:"))
            else problems.append(request.url)
        ),
    )
    page.on(
        "console",
        lambda message: (
            problems.append(message.text) if "Content Security" in message.text else None
        ),
    )
    page.goto(console.new_link())
    page.wait_for_url("**/now")
    return page, problems


def test_a_record_arrives_in_the_plot_and_a_killed_logger_is_shown(
    browser: Browser, station: Station, console: Console
) -> None:
    logger = station.start_logger()
    page, problems = _open(browser, console)
    with station.open_log() as log:
        log.log_data("m", {}, {"v": 1.5})
        page.goto(f"{console.address}/records")
        page.get_by_role("link", name="test.ndjson").click()
        page.get_by_role("link", name="m", exact=True).click()
        page.get_by_role("link", name="outputs.v").click()
        points = "() => (document.getElementById('plot')?.points || [[]])[0].length"
        eventually(lambda: page.evaluate(points) == 1, 60)
        log.log_data("m", {}, {"v": 2.5})
        eventually(lambda: page.evaluate(points) == 2, 60)
        logger.kill()
        killed = time.monotonic()
        page.get_by_text("The logger is not there since").first.wait_for()
        assert time.monotonic() - killed < 2
        station.start_logger()
    with station.open_log() as log:
        log.log_data("m", {}, {"v": 3.5})
        eventually(lambda: page.evaluate(points) == 3, 60)
    values = page.evaluate("() => document.getElementById('plot').points")
    assert values == [[1, 2, 3], [1.5, 2.5, 3.5]]
    page.reload()
    eventually(lambda: page.evaluate(points) == 3, 60)
    assert page.evaluate("() => document.getElementById('plot').points") == values
    assert not problems


def test_the_page_says_when_the_console_itself_is_gone(
    browser: Browser, station: Station, console: Console
) -> None:
    page, _ = _open(browser, console)
    console.kill()
    page.get_by_text("No connection since").wait_for()
    port = console.address.rpartition(":")[2]
    again = station.start_console("--control", f"--port={port}")
    page.get_by_text("The console was started again. Open the link").wait_for()
    page.goto(again.link)
    page.wait_for_url("**/now")
    assert page.locator("#line").is_hidden()


def test_hostile_names_run_no_script(browser: Browser, station: Station, console: Console) -> None:
    station.start_logger()
    page, problems = _open(browser, console)
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    names = (
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</template><script>alert(2)</script>",
    )
    file = "a'b<i>.ndjson"
    with station.open_log(file) as log:
        for name in names:
            log.log_data(name, {}, {name: 1})
        path = f"{console.address}/records?log={quote(station.path_of(file))}"
        eventually(lambda: "a'b" in console_text(page, f"{console.address}/records"))
        page.goto(f"{path}&name={quote(names[0])}")
        for name in names:
            page.get_by_text(name).first.wait_for()
    assert page.locator("main img, main script").count() == 0
    assert not problems


def console_text(page: Page, address: str) -> str:
    page.goto(address)
    return page.inner_text("main")


def test_eight_tabs_of_one_browser_all_answer(
    browser: Browser, station: Station, console: Console
) -> None:
    """A browser has six connections to one host; every tab has a stream of its own."""
    station.start_logger()
    first, _ = _open(browser, console)
    tabs = [first, *(first.context.new_page() for _ in range(7))]
    for tab in tabs:
        tab.goto(f"{console.address}/sessions", timeout=60_000)
    with station.open_log():
        for tab in tabs:
            tab.get_by_text("test.ndjson").first.wait_for(timeout=60_000)
        assert tabs[-1].locator("#line").is_hidden()


@pytest.mark.parametrize("path", ["now", "sessions", "records", "stations"])
def test_a_phone_needs_no_sideways_scrolling(
    browser: Browser, station: Station, console: Console, path: str
) -> None:
    station.start_logger()
    page, problems = _open(browser, console)
    page.set_viewport_size({"width": 360, "height": 740})
    with station.open_log() as log:
        log.log_data("m", {}, {"v": 1.5})
        page.goto(f"{console.address}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 360
    assert not problems
