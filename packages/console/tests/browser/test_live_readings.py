"""The plot of readings shows what the bench has, while a user changes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from console_browser import PATIENCE, Visit
from playwright.sync_api import Page, expect
from running_chain import Chain

Open = Callable[..., Visit]
BENCH = """
[instruments.SMU1]
model = "4141"
[[connect]]
channel = "SMU1/0"
hi = "force"
[[connect]]
channel = "SMU1/1"
hi = "other"
[[part]]
name = "Battery"
kind = "source"
a = "force"
b = "GND"
voltage = 1.5
resistance = 50
"""


def test_a_user_plots_a_channel_and_sees_a_change_of_the_bench(chain: Chain, visit: Open) -> None:
    bench = chain.folder / "bench.toml"
    bench.write_text(BENCH, encoding="utf-8")
    chain.start_platform(options=("--bench", bench))
    user = visit(chain.start_console("--control"))
    user.take_control()
    page = user.open("/instruments")
    page.get_by_role("link", name="Plot SMU1/0").click()
    page.get_by_role("link", name="Plot SMU1/1").click()
    expect(page.locator("figcaption").first).to_have_text("Voltage in V")
    values_until(page, lambda values: len(values) >= 3)

    page.get_by_label("New voltage of Battery").fill("2.25")
    page.get_by_label("New voltage of Battery").press("Enter")
    values = values_until(page, lambda values: values[-1] == 2.25)
    change = values.index(2.25)
    assert values == [1.5] * change + [2.25] * (len(values) - change)
    assert change >= 3

    page.get_by_role("link", name="Do not plot SMU1/0").click()
    expect(page.get_by_role("link", name="Plot SMU1/0", exact=True)).to_be_visible()
    plots = page.locator("#line-plots")
    expect(plots).to_contain_text("SMU1/1")
    expect(plots).not_to_contain_text("SMU1/0")


def values_until(page: Page, is_enough: Callable[[list[float]], bool]) -> list[float]:
    """Return the drawn voltages of SMU1/0, as soon as there are enough of them."""
    end = time.monotonic() + PATIENCE / 1000
    while True:
        plots: list[dict[str, Any]] = page.evaluate(
            "() => document.getElementById('line-plots').plots || []"
        )
        values = plots[0]["lines"][0]["y"] if plots else []
        if values and is_enough(values):
            return values
        assert time.monotonic() < end, f"the plot has {values}"
        page.wait_for_timeout(50)
