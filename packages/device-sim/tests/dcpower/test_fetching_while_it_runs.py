"""A fetch during a run returns the channel's own measurements, wired or not, in real time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import nidcpower
import pytest
from device_sim import ManualClock, SystemClock
from driver_refusals import FETCH_TIMEOUT, refused
from exact_bench import EXACT

LEVELS = [1.0, 2.0, 3.0]

WIRE = """
[[connect]]
channel = "SMU1/{n}"
hi = "out{n}"

[[part]]
name = "R{n}"
kind = "resistor"
a = "out{n}"
b = "GND"
value = 1000.0
"""


class BusyMachine(ManualClock):
    """Time passes between any two readings of the clock, as where another process computes."""

    def __init__(self, pause: float) -> None:
        super().__init__()
        self._pause = pause

    def now(self) -> float:
        self.advance(self._pause)
        return super().now()


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture(params=["unwired", "wired"])
def bench(request: pytest.FixtureRequest, bench_file: Callable[[str], Path]) -> Path | None:
    if request.param == "unwired":
        return None
    return bench_file("".join(WIRE.format(n=n) for n in range(2)) + EXACT)


@pytest.fixture
def smu(open_dcpower):
    session = open_dcpower("SMU1/0", model="4139")
    session.aperture_time = 0.002
    return session


def volts(measurements):
    return [round(measurement.voltage, 6) for measurement in measurements]


def set_levels(session, levels=LEVELS):
    session.source_mode = nidcpower.SourceMode.SEQUENCE
    session.set_sequence(levels, [0.001] * len(levels))


def test_each_step_of_a_sequence_gives_its_own_value(smu):
    set_levels(smu)
    with smu.initiate():
        assert volts(smu.fetch_multiple(3, timeout=30)) == LEVELS


def test_each_step_of_an_advanced_sequence_gives_its_own_value(smu):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.create_advanced_sequence("sweep", ["voltage_level"], set_as_active_sequence=True)
    for level in LEVELS:
        smu.create_advanced_sequence_step(set_as_active_step=True)
        smu.voltage_level = level
    with smu.initiate():
        assert volts(smu.fetch_multiple(3, timeout=30)) == LEVELS


def test_a_sequence_that_is_run_twice_gives_its_values_twice(smu):
    set_levels(smu)
    smu.sequence_loop_count = 2
    with smu.initiate():
        assert volts(smu.fetch_multiple(6, timeout=30)) == LEVELS * 2


def test_each_pulse_gives_its_own_value(open_dcpower):
    smu = open_dcpower("SMU1/0", model="4139")
    smu.output_function = nidcpower.OutputFunction.PULSE_VOLTAGE
    smu.pulse_on_time = smu.pulse_off_time = smu.pulse_bias_delay = 0.003
    smu.aperture_time = 0.001
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.set_sequence(LEVELS, [0.001] * 3)
    with smu.initiate():
        assert volts(smu.fetch_multiple(3, timeout=30)) == LEVELS


def test_a_fetch_waits_for_what_a_trigger_will_bring(open_dcpower):
    smu = open_dcpower("SMU1/0", model="4139", name="shared")
    other = open_dcpower("SMU1/0", name="shared")  # a session object serves one call at a time
    smu.aperture_time = 0.002
    smu.source_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
    set_levels(smu)
    taken: list[float] = []
    with smu.initiate():
        fetching = threading.Thread(
            target=lambda: taken.extend(volts(smu.fetch_multiple(3, timeout=30)))
        )
        fetching.start()
        for sent in range(1, 4):
            other.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.SOURCE)
            other.wait_for_event(nidcpower.Event.MEASURE_COMPLETE, timeout=30)
            assert fetching.is_alive() or sent == 3
        fetching.join(30)
    assert taken == LEVELS


def test_a_trigger_that_never_comes_is_a_timeout_and_no_repeated_value(smu):
    smu.measure_when = nidcpower.MeasureWhen.ON_MEASURE_TRIGGER
    smu.measure_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
    with smu.initiate():
        smu.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.MEASURE)
        smu.wait_for_event(nidcpower.Event.MEASURE_COMPLETE, timeout=30)
        refused(FETCH_TIMEOUT, lambda: smu.fetch_multiple(2, timeout=0.05))
        assert len(smu.fetch_multiple(1, timeout=30)) == 1


def test_channels_that_run_together_give_each_their_own_values(open_dcpower):
    session = open_dcpower("SMU1/0-1", model="4141")
    session.aperture_time = 0.002
    set_levels(session)
    with session.initiate():
        for name in ("SMU1/0", "SMU1/1"):
            assert volts(session.channels[name].fetch_multiple(3, timeout=30)) == LEVELS


def run_two_sessions(open_dcpower):
    first, second = (open_dcpower(f"SMU1/{n}", model="4141") for n in range(2))
    for session in (first, second):
        session.aperture_time = 0.002
        set_levels(session)
    with first.initiate(), second.initiate():
        assert volts(first.fetch_multiple(3, timeout=30)) == LEVELS
        assert volts(second.fetch_multiple(3, timeout=30)) == LEVELS


def test_sessions_that_run_together_give_each_their_own_values(open_dcpower):
    run_two_sessions(open_dcpower)


@pytest.mark.parametrize(
    "clock", [BusyMachine(pause) for pause in (0.0007, 0.0013, 0.0027, 0.004)], ids=range(4)
)
def test_sessions_on_a_busy_machine_give_each_their_own_values(clock, open_dcpower):
    run_two_sessions(open_dcpower)


def test_a_late_fetch_does_not_see_what_was_changed_after_the_measurement(smu, server):
    set_levels(smu)
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SEQUENCE_ENGINE_DONE, timeout=30)
        if server.bench.is_wired("SMU1/0"):
            server.bench.set("R0", value=10.0)
        assert volts(smu.fetch_multiple(3, timeout=30)) == LEVELS
