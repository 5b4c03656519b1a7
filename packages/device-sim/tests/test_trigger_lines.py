"""Digital edges go from one instrument to another at exact times, over the lines of the chassis."""

from __future__ import annotations

import hightime
import nidcpower
import nidmm
import pytest
from bench_text import channel as wire
from bench_text import part
from exact_bench import EXACT

BENCH = (
    EXACT
    + wire("SMU1/0", "a")
    + wire("SMU2/0", "b")
    + wire("DMM1", "a")
    + wire("SCOPE1/0", "a")
    + part("R1", "resistor", "a", "GND", value=1e3)
    + part("R2", "resistor", "b", "GND", value=1e3)
)
LEVELS = (1.0, 2.0, 3.0)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


def sequence(smu, levels=LEVELS, delay=0.01):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.set_sequence(list(levels), [delay] * len(levels))


def meter(open_dmm, trigger=nidmm.TriggerSource.PXI_TRIG0):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 5.5)
    dmm.configure_trigger(trigger, hightime.timedelta(0))
    return dmm


@pytest.mark.parametrize("terminal", ["PXI_Trig0", "/SMU1/PXI_Trig0", "RTSI0", "VAL_TTL0"])
def test_a_multimeter_reads_each_step_of_a_source_that_tells_it(open_dcpower, open_dmm, terminal):
    smu, dmm = open_dcpower("SMU1/0"), meter(open_dmm)
    sequence(smu)
    smu.source_complete_event_output_terminal = terminal
    dmm.configure_multi_point(
        trigger_count=3, sample_count=1, sample_interval=hightime.timedelta(0)
    )
    dmm.aperture_time_units = nidmm.ApertureTimeUnits.SECONDS
    dmm.aperture_time = 1e-3
    with dmm.initiate(), smu.initiate():
        assert dmm.fetch_multi_point(3) == pytest.approx(LEVELS, rel=1e-4)
