"""A user works with the four-site chain in a browser. What dies meanwhile is shown as such."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from console_browser import PATIENCE, Visit
from playwright.sync_api import Locator, Page, expect
from running_chain import DMM, LOG, Chain

Open = Callable[..., Visit]
BUSY = 5.0
"""How much longer a busy machine may take."""
RESISTANCE = {"measurement_type": "TWO_WIRE_RES", "range": "10000"}


def test_a_user_measures_runs_a_sequence_and_disturbs_the_bench(chain: Chain, visit: Open) -> None:
    chain.lay_out()
    folder = chain.sequences
    options = ("--bench", folder / "bench.toml", "--sequences", folder)
    plugins = ("dcpower_logger_plugin", "dmm_logger_plugin")
    platform = chain.start_platform(*plugins, options=options)
    logger = chain.start_registered_logger(platform)
    chain.start_devices(platform)
    chain.connect_resistors(platform)
    user = visit(chain.start_chain_console("--control"))
    user.take_control()

    assert is_resistor(measure(user, RESISTANCE))
    plot = open_plot(user)
    expect_points(plot, numbers_of(chain))

    run_sequence(user, "MeasureAndLogBench.seq")
    plot = open_plot(user)
    expect_points(plot, numbers_of(chain))
    run_with_options(user, chain)

    plot = open_plot(user)
    logger.kill()
    killed = time.monotonic()
    expect(plot.locator("#records-state")).to_contain_text("not there")
    assert time.monotonic() - killed < BUSY * 2.0
    chain.start_registered_logger(platform)
    measure_in_another_tab(user, RESISTANCE)
    expect_points(plot, numbers_of(chain))
    plot.reload()
    expect_points(plot, numbers_of(chain))

    with chain.open_log("held.ndjson"):
        close_session(user, "held.ndjson")

    channel = break_wire(user, "BenchDMM0/0")
    assert measure(user, RESISTANCE)["signal_out_of_range"] == "true"
    user.open("/instruments")
    channel.get_by_role("button", name="Mend").click()
    expect(channel).not_to_contain_text("wire is broken")
    assert is_resistor(measure(user, RESISTANCE))


def is_resistor(outputs: Mapping[str, str]) -> bool:
    """Return whether the DMM has measured the resistor of site 0, which has 1 kΩ."""
    return abs(float(outputs["measured_value"]) - 1000) < 5


def measure(user: Visit, values: Mapping[str, str]) -> dict[str, str]:
    """Fill in the form of the DMM on the bench's first site, run it, and read its outputs."""
    page = user.open(f"/measure?service={DMM}")
    fill_in(page, values)
    runs = page.locator("#measure-runs tbody tr")
    before = runs.count()
    page.get_by_role("button", name="Run").click()
    expect(runs).to_have_count(before + 1)
    run = page.locator("#measure-run")
    expect(run).to_contain_text("done")
    names, texts = run.locator("dt").all_inner_texts(), run.locator("dd").all_inner_texts()
    return {name: text.strip() for name, text in zip(names, texts, strict=True)}


def fill_in(page: Page, values: Mapping[str, str]) -> None:
    """Start the plug-in if it does not run, and fill in its form."""
    start, form = page.get_by_role("button", name="Start the plug-in"), page.locator("form.inputs")
    start.or_(form).first.wait_for()
    if start.is_visible():
        start.click()
    pin_map = page.get_by_label("Pin map")
    path = pin_map.locator("option", has_text="Bench.pinmap").get_attribute("value")
    pin_map.select_option(path)
    expect(page.get_by_role("group", name="Sites")).to_be_visible()
    for name, text in values.items():
        field = page.get_by_label(name, exact=True)
        is_choice = field.evaluate("(element) => element.tagName === 'SELECT'")
        field.select_option(text) if is_choice else field.fill(text)


def measure_in_another_tab(user: Visit, values: Mapping[str, str]) -> None:
    """Measure, while the first tab shows another page."""
    first, user.page = user.page, user.context.new_page()
    measure(user, values)
    user.page.close()
    user.page = first


def open_plot(user: Visit) -> Page:
    """Open the plot of what the DMM has measured, as a user does: log, name, field."""
    page = user.open("/records")
    page.get_by_role("link", name=LOG).click()
    page.get_by_role("link", name="NI-DMM Measurement With Logger").click()
    page.get_by_role("link", name="measured_value").click()
    page.locator("#plot").wait_for()
    return page


def expect_points(page: Page, expected: list[int]) -> None:
    """Wait until the plot has the points of exactly these records, each once and in order."""
    points = "() => (document.getElementById('plot').points || [[]])[0]"
    end = time.monotonic() + PATIENCE / 1000
    while (found := page.evaluate(points)) != expected:
        assert time.monotonic() < end, f"the plot has {found}, not {expected}"
        page.wait_for_timeout(50)


def run_sequence(user: Visit, name: str) -> None:
    """Start a sequence, watch its steps, reload in the middle, and download its results."""
    page = user.open("/sequences")
    page.get_by_role("listitem").filter(has_text=name).get_by_role("button", name="Start").click()
    run = page.locator("#sequences-run")
    expect(run).to_contain_text("Open the log")
    page.reload()
    expect(run).to_contain_text("passed", timeout=2 * PATIENCE)
    steps = run.get_by_role("row")
    expect(steps.filter(has_text="Update pin map")).to_have_count(1)
    for site in range(4):
        expect(run.get_by_role("columnheader", name=f"Site {site}")).to_be_visible()
    dmm = steps.filter(has_text="Measure with the DMM")
    expect(dmm).to_have_count(1)
    expect(dmm.get_by_text("998 to 1002")).to_be_visible()
    with page.expect_download() as download:
        run.get_by_role("link", name="Download JUnit").click()
    assert "Measure with the DMM" in download.value.path().read_text(encoding="utf-8")
    with page.expect_download() as download:
        run.get_by_role("link", name="Download output").click()
    assert download.value.path().exists()


def run_with_options(user: Visit, chain: Chain) -> None:
    """Start a sequence with another pin map, on some sites, for a unit with a serial number."""
    before = len(chain.log_file.read_text(encoding="utf-8").splitlines())
    other = chain.sequences / "pinmaps" / "Other.pinmap"
    text = (chain.sequences / "pinmaps" / "Bench.pinmap").read_text(encoding="utf-8")
    other.write_text(text, encoding="utf-8")
    page = user.open("/sequences")
    page.get_by_label("Sequence", exact=True).select_option("MeasureAndLogBench.seq")
    page.get_by_label("Pin map").select_option("Other.pinmap")
    page.get_by_label("Sites").fill("0 and 2")
    page.get_by_role("button", name="Start with these").click()
    expect(page.get_by_text("such as 0, 1")).to_be_visible()
    page.get_by_label("Sites").fill("0, 2")
    page.get_by_label("Serial number").fill("SN 7")
    page.get_by_role("button", name="Start with these").click()
    run = page.locator("#sequences-run")
    expect(run).to_contain_text("pin map Other.pinmap, sites 0, 2, unit SN 7: passed")
    sites = run.get_by_role("columnheader").filter(has_text="Site").all_inner_texts()
    assert sites == ["Site 0", "Site 2"]
    lines = chain.log_file.read_text(encoding="utf-8").splitlines()[before:]
    assert {json.loads(line)["uut"]["serial"] for line in lines} == {"SN 7"}


def close_session(user: Visit, name: str) -> None:
    """Close a session of the logger, after the dialog has asked."""
    page = user.open("/sessions")
    row = page.locator("#sessions-open").get_by_role("row").filter(has_text=name)
    user.accepts_dialogs = True
    row.get_by_role("button", name="Close").click()
    expect(row).to_have_count(0)
    user.accepts_dialogs = False


def break_wire(user: Visit, channel: str) -> Locator:
    """Break the wire of a channel, and return its row."""
    row = user.open("/instruments").get_by_role("row").filter(has_text=channel)
    row.get_by_role("button", name="Break").click()
    expect(row).to_contain_text("wire is broken")
    return row


def numbers_of(chain: Chain) -> list[int]:
    """Return the numbers of the records in the log file in which the DMM has measured a number."""
    lines = chain.log_file.read_text(encoding="utf-8").splitlines()
    logged = [json.loads(line) for line in lines]
    return [
        one["seq"] for one in logged if one["measurement_outputs"].get("measured_value") is not None
    ]
