"""Digital edges go from one instrument to another at exact times, over the lines of the chassis."""

from __future__ import annotations

import hightime
import nidcpower
import nidmm
import niscope
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
    + wire("SCOPE2/0", "a")
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


def fetched(scope, timeout=5.0):
    """Return the begin of the record on the clock, its trigger, and its volts."""
    (waveform,) = scope.channels[0].fetch(timeout=hightime.timedelta(seconds=timeout))
    begin = waveform.absolute_initial_x
    return begin, begin - waveform.relative_initial_x, list(waveform.samples)


def digitizer(open_scope, name="SCOPE1", source="PXI_Trig0", slope=niscope.TriggerSlope.POSITIVE):
    scope = open_scope(name)
    scope.configure_vertical(10.0, niscope.VerticalCoupling.DC)
    scope.configure_horizontal_timing(1e6, 1000, 50.0, 1, True)
    scope.configure_trigger_digital(source, slope)
    return scope


def test_a_digitizer_sees_the_step_of_a_source_around_its_trigger(open_dcpower, open_scope, clock):
    smu, scope = open_dcpower("SMU1/0"), digitizer(open_scope)
    sequence(smu, levels=(1.0, 3.0), delay=0.01)
    smu.exported_source_trigger_output_terminal = "PXI_Trig0"
    begin = clock.now()
    with scope.initiate():
        clock.advance(0.1)
        with smu.initiate():
            _, trigger, volts = fetched(scope)
    assert trigger == pytest.approx(begin + 0.1, abs=1e-9)
    assert volts[:500] == pytest.approx([0.0] * 500, abs=1e-6)
    assert volts[505:] == pytest.approx([1.0] * 495, rel=1e-3)


def test_an_edge_before_the_samples_of_the_past_are_there_is_not_heard(
    open_dcpower, open_scope, clock
):
    smu, scope = open_dcpower("SMU1/0"), digitizer(open_scope)
    sequence(smu, levels=(1.0, 3.0), delay=0.01)
    smu.exported_source_trigger_output_terminal = "PXI_Trig0"
    with scope.initiate(), smu.initiate():  # The first edge comes at once, the second in 10 ms.
        _, trigger, volts = fetched(scope)
    assert volts[505] == pytest.approx(3.0, rel=1e-3)
    assert volts[495] == pytest.approx(1.0, rel=1e-3)


def test_an_edge_that_never_comes_ends_as_the_driver_says(open_dcpower, open_dmm, open_scope):
    dmm, scope = meter(open_dmm), digitizer(open_scope, source="PFI1")
    smu = open_dcpower("SMU1/0")
    smu.source_trigger_type = nidcpower.TriggerType.DIGITAL_EDGE
    smu.digital_edge_source_trigger_input_terminal = "PXI_Trig7"
    with dmm.initiate(), scope.initiate(), smu.initiate():
        with pytest.raises(niscope.errors.DriverError) as caught:
            fetched(scope, timeout=0.5)
        assert caught.value.code == -1074126845
        with pytest.raises(nidmm.errors.DriverError) as caught:
            dmm.fetch(hightime.timedelta(seconds=0.5))
        assert caught.value.code == -1074126845
        with pytest.raises(nidcpower.errors.DriverError) as caught:
            smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 0.5)
        assert caught.value.code == -1074116059


@pytest.mark.parametrize(
    "terminal", ["/SMU1/SourceCompleteEvent", "smu1/Engine0/SourceCompleteEvent"]
)
def test_events_of_one_source_step_another_without_a_line_between_them(open_dcpower, terminal):
    first, second = open_dcpower("SMU1/0"), open_dcpower("SMU2/0")
    sequence(first, delay=0.01)
    sequence(second, levels=(4.0, 5.0, 6.0), delay=0.002)
    second.source_trigger_type = nidcpower.TriggerType.DIGITAL_EDGE
    second.digital_edge_source_trigger_input_terminal = terminal
    first.measure_when = second.measure_when = (
        nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    )
    with second.initiate(), first.initiate():
        volts = [each.voltage for each in second.fetch_multiple(3, hightime.timedelta(seconds=5))]
        assert volts == pytest.approx([4.0, 5.0, 6.0])
        second.wait_for_event(nidcpower.Event.SEQUENCE_ENGINE_DONE, 5.0)


def test_handshake_of_source_and_meter_takes_each_reading_at_its_level(
    open_dcpower, open_dmm, clock
):
    smu, dmm = open_dcpower("SMU1/0"), meter(open_dmm)
    sequence(smu, delay=0.005)
    smu.source_trigger_type = nidcpower.TriggerType.DIGITAL_EDGE
    smu.digital_edge_source_trigger_input_terminal = "PXI_Trig1"
    smu.source_complete_event_output_terminal = "PXI_Trig0"
    dmm.meas_complete_dest = nidmm.MeasurementCompleteDest.PXI_TRIG1
    dmm.configure_multi_point(
        trigger_count=3, sample_count=1, sample_interval=hightime.timedelta(0)
    )
    dmm.aperture_time_units = nidmm.ApertureTimeUnits.SECONDS
    dmm.aperture_time = 0.02
    begin = clock.now()
    with dmm.initiate(), smu.initiate():
        smu.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.SOURCE)
        assert dmm.fetch_multi_point(3) == pytest.approx(LEVELS, rel=1e-4)
    assert clock.now() - begin == pytest.approx(3 * 0.025, abs=0.011)


def test_the_trigger_of_one_digitizer_triggers_another(open_scope, open_dcpower, clock):
    first, second = open_scope("SCOPE1"), digitizer(open_scope, "SCOPE2", "/SCOPE1/RefTrigger")
    assert first.ref_trigger_terminal_name == "/SCOPE1/RefTrigger"
    first.configure_vertical(10.0, niscope.VerticalCoupling.DC)
    first.configure_horizontal_timing(1e6, 1000, 50.0, 1, True)
    first.configure_trigger_edge("0", 1.5, niscope.TriggerCoupling.DC)
    smu = open_dcpower("SMU1/0")
    with second.initiate(), first.initiate():
        clock.advance(0.5)
        smu.voltage_level = 2.0
        with smu.initiate():
            _, trigger, _ = fetched(first)
            assert fetched(second)[1] == pytest.approx(trigger, abs=1e-9)


def test_start_advance_and_arm_triggers_gate_the_records(open_scope, open_dcpower, clock):
    scope = digitizer(open_scope)
    scope.configure_horizontal_timing(1e6, 100, 0.0, 2, True)
    scope.configure_trigger_immediate()
    scope.acq_arm_source = "VAL_RTSI_2"
    scope.record_arm_source = "PFI0"
    scope.arm_ref_trig_src = "VAL_SW_TRIG_FUNC"
    smu = open_dcpower("SMU1/0")
    smu.source_complete_event_output_terminal = "PXI_Trig2"
    smu.measure_complete_event_output_terminal = "/SCOPE1/PFI0"
    smu.measure_when = nidcpower.MeasureWhen.ON_DEMAND
    smu.source_delay = 1.0
    begin = clock.now()
    with scope.initiate():
        scope.send_software_trigger_edge(niscope.WhichTrigger.ARM_REFERENCE)  # too early
        with smu.initiate():
            smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 5.0)
            scope.send_software_trigger_edge(niscope.WhichTrigger.ARM_REFERENCE)
            clock.advance(1.0)
            assert scope.records_done == 1
            scope.send_software_trigger_edge(niscope.WhichTrigger.ADVANCE)
            clock.advance(1.0)
            assert scope.records_done == 1
            scope.send_software_trigger_edge(niscope.WhichTrigger.ARM_REFERENCE)
            first, second = scope.channels[0].fetch()
    assert first.absolute_initial_x == pytest.approx(begin + 1.0, abs=1e-9)
    assert second.absolute_initial_x == pytest.approx(begin + 3.0, abs=2e-6)
