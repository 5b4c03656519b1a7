"""The plots of readings have the values of the bench, and gaps where there are none."""

from __future__ import annotations

import json
import math

from device_sim.v1.bench_pb2 import Channel
from measurement_console.bench.readings import MOST_SAMPLES, Readings
from measurement_console.live.plots import Plot, plots_json


def channel(name: str, **values: float) -> Channel:
    return Channel(name=name, **values)


def lines_of(plots: list[Plot]) -> dict[str, dict[str, list[float]]]:
    return {plot.name: {line.label: list(line.y) for line in plot.lines} for plot in plots}


def test_chosen_channels_are_lines_of_a_plot_of_voltages_and_one_of_currents() -> None:
    readings = Readings()
    for number in range(3):
        smu = channel("SMU1/0", volts=number / 3, amperes=1e-3)
        readings.add(100 + number / 2, [smu, channel("Scope1/0", volts=5.0), channel("X/0")])
    count, plots = readings.plots(["Scope1/0", "SMU1/0", "X/0"])
    assert count == 3
    assert lines_of(plots) == {
        "Voltage in V": {"Scope1/0": [5.0] * 3, "SMU1/0": [0.0, 0.3333333, 0.6666667]},
        "Current in A": {"SMU1/0": [1e-3] * 3},
    }
    assert [list(line.x) for line in plots[0].lines] == [[-1.0, -0.5, 0.0]] * 2


def test_a_moment_without_a_value_is_a_gap() -> None:
    readings = Readings()
    for volts in ({"volts": 1.0}, {}, {"volts": 2.0}):
        readings.add(0.0, [channel("SMU1/0", **volts)])
    _, (plot,) = readings.plots(["SMU1/0"])
    assert math.isnan(plot.lines[0].y[1])
    assert json.loads(plots_json([plot]))[0]["lines"][0]["y"] == [1.0, None, 2.0]


def test_old_readings_and_those_before_a_pause_are_forgotten() -> None:
    readings = Readings()
    for number in range(MOST_SAMPLES + 5):
        readings.add(float(number), [channel("SMU1/0", volts=float(number))])
    _, (plot,) = readings.plots(["SMU1/0"])
    assert list(plot.lines[0].y) == [float(n) for n in range(5, MOST_SAMPLES + 5)]
    before = readings.count
    readings.clear()
    assert readings.plots(["SMU1/0"]) == (before + 1, [])
    readings.clear()
    assert readings.count == before + 1
