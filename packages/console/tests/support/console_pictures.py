"""Make the pictures of the console for the documents: `python -m console_pictures FOLDER`.

They show the real console beside the running four-site chain.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from console_browser import Visit
from playwright.sync_api import Browser, sync_playwright
from running_chain import DCPOWER, DMM, Chain

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SIZE = {"width": 1280, "height": 860}


def main(folder: Path) -> None:
    """Run the chain, use the console, and take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["LOGNAME"] = "ada"  # the name that the pictures show
    with Chain() as chain, sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next(filter(None, map(shutil.which, _COMMANDS)), own)
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        options = ["--no-sandbox"] if is_root else []
        with playwright.chromium.launch(executable_path=found, args=options) as browser:
            take_pictures(chain, browser, folder)


def take_pictures(chain: Chain, browser: Browser, folder: Path) -> None:
    """Take a picture of each page that the documents show."""
    user = start(chain, browser)
    page = user.open("/sequences")
    bench = page.get_by_role("listitem").filter(has_text="MeasureAndLogBench.seq")
    bench.get_by_role("button", name="Start").click()
    page.get_by_role("link", name="Download JUnit").wait_for()
    page.locator("#h-run").scroll_into_view_if_needed()
    page.locator("#notice").evaluate("(notice) => notice.replaceChildren()")
    page.screenshot(path=folder / "console-sequences.png", full_page=True)

    page = user.open(f"/measure?service={DCPOWER}")
    pin_map = page.get_by_label("Pin map")
    pin_map.select_option(pin_map.locator("option", has_text="Bench.pinmap").get_attribute("value"))
    page.get_by_role("group", name="Sites").wait_for()
    page.get_by_role("button", name="Run").click()
    page.locator("#measure-run").get_by_text("done").wait_for()
    page.locator("#notice").evaluate("(notice) => notice.replaceChildren()")
    page.screenshot(path=folder / "console-measure.png", full_page=True)

    page = user.open("/instruments")
    page.get_by_role("img", name="Picture of the parts").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=folder / "console-instruments.png", full_page=True)


def start(chain: Chain, browser: Browser) -> Visit:
    """Start the chain and a console, and sign in."""
    chain.lay_out()
    folder = chain.sequences
    options = ("--bench", folder / "bench.toml", "--sequences", folder)
    plugins = ("dcpower_logger_plugin", "dmm_logger_plugin")
    platform = chain.start_platform(*plugins, options=options)
    chain.start_registered_logger(platform)
    chain.start_devices(platform)
    chain.connect_resistors(platform)
    platform.run("measure", DCPOWER, "--describe")
    platform.run("measure", DMM, "--describe")
    console = chain.start_chain_console("--control")
    user = Visit(browser.new_context(viewport=_SIZE, color_scheme="light"), console, console.link)
    user.take_control()
    return user


if __name__ == "__main__":
    main(Path(sys.argv[1]))
