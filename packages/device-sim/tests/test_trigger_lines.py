"""Digital edges go from one instrument to another at exact times, over the lines of the chassis."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor, wait

import grpc
import hightime
import nidcpower
import nidmm
import nifgen
import niscope
import pytest
from bench_text import channel as wire
from bench_text import part
from device_sim import SystemClock
from driver_client import invoke, request_for
from every_driver import DRIVERS
from exact_bench import EXACT, measure

BENCH = (
    EXACT
    + wire("SMU1/0", "a")
    + wire("SMU2/0", "b")
    + wire("DMM1", "a")
    + wire("SCOPE1/0", "a")
    + wire("SCOPE2/0", "a")
    + wire("FGEN1/0", "c")
    + wire("SCOPE3/0", "c")
    + part("R1", "resistor", "a", "GND", value=1e3)
    + part("R2", "resistor", "b", "GND", value=1e3)
    + part("R3", "resistor", "c", "GND", value=50.0)
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
        volts = fetched(scope)[-1]
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


def trigger_one_digitizer_by_another(open_scope, open_dcpower, clock):
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


def test_the_trigger_of_one_digitizer_triggers_another(open_scope, open_dcpower, clock):
    trigger_one_digitizer_by_another(open_scope, open_dcpower, clock)


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


RAMP = [number / 1000.0 for number in range(1000)]
"""A waveform of 1 ms, from 0 V to 1 V."""


def generator(open_fgen, marker=-1):
    fgen = open_fgen("FGEN1", "0")
    fgen.output_mode = nifgen.OutputMode.ARB
    fgen.arb_sample_rate = 1e6
    fgen.arb_waveform_handle = fgen.create_waveform(RAMP)
    if marker >= 0:
        fgen.arb_marker_position = marker
    return fgen


@pytest.mark.parametrize("line", ["PXI_Trig3", "/FGEN1/Marker0Event"])
@pytest.mark.parametrize("marker", [0, 250, 998])
def test_a_marker_triggers_a_digitizer_at_its_sample(open_fgen, open_scope, clock, line, marker):
    fgen, scope = generator(open_fgen, marker), digitizer(open_scope, "SCOPE3", line)
    scope.configure_horizontal_timing(1e6, 4, 50.0, 3, True)
    if line == "PXI_Trig3":
        fgen.markers[0].marker_event_output_terminal = line
    start = clock.now()
    with scope.initiate(), fgen.initiate():
        clock.advance(0.5)
        records = scope.channels[0].fetch()
        triggers = [r.absolute_initial_x - r.relative_initial_x - start for r in records]
        first = marker if marker > 2 else marker + 1000  # The samples before it are needed.
        wanted = [(first + 1000 * number) / 1e6 for number in range(3)]
        assert triggers == pytest.approx(wanted, abs=1e-11)
        for record in records:
            assert record.samples[3] == pytest.approx((marker + 1) % 1000 / 1000.0, abs=2e-3)


def test_the_falling_edge_of_a_marker_is_heard_after_its_pulse(open_fgen, open_scope, clock):
    fgen = generator(open_fgen, 500)
    scope = digitizer(open_scope, "SCOPE3", "PXI_Trig3", niscope.TriggerSlope.NEGATIVE)
    fgen.markers[0].marker_event_output_terminal = "PXI_Trig3"
    start = clock.now()
    with scope.initiate(), fgen.initiate():
        clock.advance(0.01)
        _, trigger, _ = fetched(scope)
    assert trigger - start == pytest.approx(500e-6 + 250e-9, abs=1e-11)


def test_a_burst_has_no_marker_after_its_end(open_fgen, open_scope, clock):
    fgen, scope = generator(open_fgen, 0), digitizer(open_scope, "SCOPE3", "PXI_Trig3")
    fgen.markers[0].marker_event_output_terminal = "PXI_Trig3"
    fgen.trigger_mode = nifgen.TriggerMode.SINGLE
    fgen.arb_repeat_count = 2
    scope.configure_horizontal_timing(1e6, 4, 50.0, 2, True)
    with scope.initiate(), fgen.initiate():
        clock.advance(0.5)
        assert scope.records_done == 1  # The first marker comes too early, the second in 1 ms.


def test_a_digital_edge_starts_a_generator_that_tells_its_end(open_fgen, open_dcpower, clock):
    fgen, smu = generator(open_fgen), open_dcpower("SMU1/0")
    fgen.trigger_mode = nifgen.TriggerMode.SINGLE
    fgen.arb_repeat_count = 3
    fgen.start_trigger_type = nifgen.StartTriggerType.DIGITAL_EDGE
    fgen.digital_edge_start_trigger_source = "PXI_Trig0"
    fgen.done_event_output_terminal = "PXI_Trig1"
    smu.source_complete_event_output_terminal = "PXI_Trig0"
    smu.source_delay = 0.1
    smu.measure_when = nidcpower.MeasureWhen.ON_MEASURE_TRIGGER
    smu.measure_trigger_type = nidcpower.TriggerType.DIGITAL_EDGE
    smu.digital_edge_measure_trigger_input_terminal = "/FGEN1/PXI_Trig1"
    smu.aperture_time = 1e-3
    with fgen.initiate():
        assert fgen.get_hardware_state() is nifgen.HardwareState.WAITING_FOR_START_TRIGGER
        begin = clock.now()
        with smu.initiate():
            fgen.wait_until_done(hightime.timedelta(seconds=5))
            assert clock.now() == pytest.approx(begin + 0.103, abs=1e-3)
            smu.wait_for_event(nidcpower.Event.MEASURE_COMPLETE, 5.0)
            assert clock.now() == pytest.approx(begin + 0.104, abs=1e-3)


def test_an_edge_advances_a_script(open_fgen, open_dcpower, clock):
    fgen, smu = generator(open_fgen), open_dcpower("SMU1/0")
    fgen.output_mode = nifgen.OutputMode.SCRIPT
    fgen.write_waveform("ramp", RAMP)
    fgen.write_script(
        "script one\nrepeat until scriptTrigger1\ngenerate ramp\nend repeat\n"
        "wait until scriptTrigger0\ngenerate ramp\nend script"
    )
    fgen.script_to_generate = "one"
    for trigger, line in (("0", "PXI_Trig2"), ("1", "/SMU1/SourceCompleteEvent")):
        fgen.script_triggers[trigger].script_trigger_type = nifgen.ScriptTriggerType.DIGITAL_EDGE
        fgen.script_triggers[trigger].digital_edge_script_trigger_source = line
    smu.measure_complete_event_output_terminal = "PXI_Trig2"
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    smu.source_delay, smu.aperture_time = 0.0105, 0.01
    begin = clock.now()
    with fgen.initiate(), smu.initiate():
        fgen.wait_until_done(hightime.timedelta(seconds=5))
    # Eleven ramps until the source is complete, then the pause, then one more.
    assert clock.now() - begin == pytest.approx(0.0205 + 0.001, abs=1e-4)


def test_the_synchronisation_output_has_an_edge_in_each_cycle(open_fgen, open_scope, clock):
    fgen, scope = open_fgen("FGEN1", "0"), digitizer(open_scope, "SCOPE3", "/FGEN1/SyncOut")
    fgen.output_mode = nifgen.OutputMode.FUNC
    fgen.configure_standard_waveform(nifgen.Waveform.SINE, 2.0, 1e3, start_phase=90.0)
    scope.configure_horizontal_timing(1e6, 4, 50.0, 3, True)
    start = clock.now()
    with scope.initiate(), fgen.initiate():
        clock.advance(0.5)
        records = scope.channels[0].fetch()
    triggers = [r.absolute_initial_x - r.relative_initial_x - start for r in records]
    assert triggers == pytest.approx([0.75e-3, 1.75e-3, 2.75e-3], abs=1e-11)


def test_an_edge_starts_the_waveform_of_a_multimeter(open_dcpower, open_dmm, clock):
    smu, dmm = open_dcpower("SMU1/0"), meter(open_dmm)
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10.0, 1e3, 30)
    sequence(smu, delay=0.01)
    smu.measure_when = nidcpower.MeasureWhen.ON_MEASURE_TRIGGER
    smu.exported_source_trigger_output_terminal = "PXI_Trig0"
    with dmm.initiate():
        clock.advance(0.5)
        with smu.initiate():
            points = list(dmm.fetch_waveform(30))
    wanted = [level for level in LEVELS for _ in range(10)]
    assert points[1:] == pytest.approx(wanted[1:], rel=1e-3)


def test_an_edge_advances_the_loops_of_a_sequence_and_another_shuts_it_down(open_dcpower, clock):
    first, second = open_dcpower("SMU1/0"), open_dcpower("SMU2/0", model="4139")
    first.source_delay = 0.5
    first.source_complete_event_output_terminal = "PXI_Trig5"
    first.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    first.aperture_time = 0.25
    first.measure_complete_event_output_terminal = "RTSI6"
    sequence(second, levels=(1.0, 2.0), delay=0.01)
    second.sequence_loop_count = 3
    second.measure_when = nidcpower.MeasureWhen.ON_MEASURE_TRIGGER
    second.sequence_advance_trigger_type = nidcpower.TriggerType.DIGITAL_EDGE
    second.digital_edge_sequence_advance_trigger_input_terminal = "PXI_Trig5"
    second.shutdown_trigger_type = nidcpower.TriggerType.DIGITAL_EDGE
    second.digital_edge_shutdown_trigger_input_terminal = "PXI_Trig6"
    done = nidcpower.Event.SEQUENCE_ITERATION_COMPLETE
    with second.initiate(), first.initiate():
        second.wait_for_event(done, 0.1)
        assert measure(second).voltage == pytest.approx(2.0, rel=1e-3)
        with pytest.raises(nidcpower.errors.DriverError):
            second.wait_for_event(done, 0.1)
        second.wait_for_event(done, 1.0)
        assert clock.now() == pytest.approx(0.52, abs=1e-3)
        clock.advance(0.5)
        assert measure(second).voltage == pytest.approx(0.0, abs=1e-9)


WIRED = (
    EXACT
    + wire("SMU1/0", "a")
    + wire("SMU2/0", "out")
    + wire("SCOPE1/0", "a")
    + wire("SCOPE1/PFI0", "gate")
    + wire("SMU2/PFI1", "gate")
    + part("R1", "resistor", "a", "gate", value=1e3)
    + part("C1", "capacitor", "gate", "GND", value=1e-6, esr=1e-9)
    + part("R2", "resistor", "out", "GND", value=1e3)
)


class TestLinesThatAreNets:
    @pytest.fixture
    def bench(self, bench_file):
        return bench_file(WIRED)

    @pytest.mark.parametrize(
        ("slope", "seconds"),
        [
            # 4 V through 1 kΩ and 1 µF crosses 2 V, and falls from 4 V below 0.8 V.
            (niscope.TriggerSlope.POSITIVE, 1e-3 * math.log(4.0 / 2.0)),
            (niscope.TriggerSlope.NEGATIVE, 0.1 + 1e-3 * math.log(4.0 / 0.8)),
        ],
    )
    def test_a_voltage_that_crosses_the_thresholds_is_an_edge(
        self, open_dcpower, open_scope, clock, slope, seconds
    ):
        smu, scope = open_dcpower("SMU1/0"), digitizer(open_scope, source="PFI0", slope=slope)
        sequence(smu, levels=(4.0, 0.0), delay=0.1)
        smu.measure_when = nidcpower.MeasureWhen.ON_MEASURE_TRIGGER
        with scope.initiate():
            clock.advance(0.5)
            begin = clock.now()
            with smu.initiate():
                _, trigger, _ = fetched(scope)
        assert trigger - begin == pytest.approx(seconds, abs=2e-9)

    def test_an_event_on_a_wired_line_puts_a_voltage_onto_its_net(
        self, open_dcpower, server, clock
    ):
        smu = open_dcpower("SMU2/0", model="4190")
        smu.source_complete_event_output_terminal = "PFI1"
        smu.source_complete_event_output_behavior = nidcpower.EventOutputBehavior.TOGGLE
        smu.source_delay = 0.01
        with smu.initiate():
            clock.advance(0.0099)
            assert server.bench.read_nets("gate") == pytest.approx({"gate": 0.0})
            clock.advance(0.02)  # 50 Ω and 1 µF
            assert server.bench.read_nets("gate") == pytest.approx({"gate": 3.3}, rel=1e-6)


RELAY = (
    part("K1", "relay", "load", "GND")
    + 'coil = "enable"\n'
    + part("R9", "resistor", "load", "GND", value=1e3)
)
"""A relay follows its coil all of the time."""


class TestLinesThatAreNetsBesideARelay(TestLinesThatAreNets):
    @pytest.fixture
    def bench(self, bench_file):
        return bench_file(WIRED + RELAY)


class TestDigitizersBesideARelay:
    @pytest.fixture
    def bench(self, bench_file):
        return bench_file(BENCH + RELAY)

    def test_the_trigger_of_one_triggers_another(self, open_scope, open_dcpower, clock):
        trigger_one_digitizer_by_another(open_scope, open_dcpower, clock)


def test_a_lost_trigger_is_lost_for_the_device_with_the_fault_alone(
    server, open_dcpower, open_dmm, open_scope, clock
):
    smu, dmm, scope = open_dcpower("SMU1/0"), meter(open_dmm), digitizer(open_scope)
    scope.configure_horizontal_timing(1e6, 100, 0.0, 1, True)
    sequence(smu)
    smu.source_complete_event_output_terminal = "PXI_Trig0"
    server.faults.lose_triggers("SCOPE1", lasting=0.015)  # the first of three
    begin = clock.now()
    with dmm.initiate(), scope.initiate(), smu.initiate():
        _, trigger, _ = fetched(scope)
        assert dmm.fetch() == pytest.approx(1.0, rel=1e-4)
    assert trigger - begin > 0.02


@pytest.mark.parametrize("looks", [0, 7, 50])
def test_who_calls_meanwhile_does_not_change_what_is_measured(
    open_dcpower, open_dmm, open_scope, server, clock, looks
):
    smu, dmm, scope = open_dcpower("SMU1/0"), meter(open_dmm), digitizer(open_scope)
    scope.configure_horizontal_timing(1e6, 100, 0.0, 1, True)
    scope.configure_trigger_edge("0", 2.5, niscope.TriggerCoupling.DC)
    scope.exported_ref_trigger_output_terminal = "PXI_Trig0"
    sequence(smu)
    dmm.aperture_time_units = nidmm.ApertureTimeUnits.SECONDS
    dmm.aperture_time = 0.02
    begin = clock.now()
    with dmm.initiate(), scope.initiate(), smu.initiate():
        for _ in range(looks):
            clock.advance(0.2 / looks)
            server.bench.read_nets()
        assert dmm.fetch() == pytest.approx(3.0, rel=1e-4)
        _, trigger, _ = fetched(scope)
    # Each step takes its delay and an aperture of a line cycle. The third one crosses 2.5 V.
    assert trigger - begin == pytest.approx(2 * (0.01 + 0.01666), abs=1e-8)


@pytest.mark.parametrize(
    ("driver", "signal", "identifier", "attribute"),
    [
        ("nidcpower", 1030, "", "source_complete_event_output_terminal"),
        ("nidcpower", 1034, "", "exported_start_trigger_output_terminal"),
        ("niscope", 1, "", "exported_ref_trigger_output_terminal"),
        ("niscope", 4, "", "end_of_record_event_output_terminal"),
        ("nifgen", 106, "", "started_event_output_terminal"),
        ("nifgen", 1001, "Marker2", "marker_event_output_terminal"),
    ],
)
def test_a_signal_can_be_exported_by_its_number(
    channel, open_dcpower, open_scope, open_fgen, driver, signal, identifier, attribute
):
    open_session = {"nidcpower": open_dcpower, "niscope": open_scope, "nifgen": open_fgen}[driver]
    session = open_session(name="mine")
    rpc = "ExportSignalWithChannels" if driver == "nidcpower" else "ExportSignal"
    request = request_for(DRIVERS[driver], rpc, "mine")
    request.signal_raw, request.signal_identifier = signal, identifier
    field = "output_terminal_raw" if driver == "niscope" else "output_terminal"
    setattr(request, field, "PXI_Trig4")
    assert invoke(channel, DRIVERS[driver], rpc, request)[0] is grpc.StatusCode.OK
    owner = session.markers[2] if identifier else session
    assert getattr(owner, attribute) == "PXI_Trig4"
    request.signal_raw = 99
    assert invoke(channel, DRIVERS[driver], rpc, request)[0] is grpc.StatusCode.UNKNOWN


class TestInRealTime:
    @pytest.fixture
    def clock(self):
        return SystemClock()

    def test_a_waiting_fetch_hears_an_instrument_that_starts_later(self, open_dcpower, open_dmm):
        smu, dmm = open_dcpower("SMU1/0"), meter(open_dmm)
        smu.voltage_level = 2.0
        smu.source_delay = 0.05
        smu.source_complete_event_output_terminal = "PXI_Trig0"
        with dmm.initiate(), ThreadPoolExecutor(1) as pool:
            begin = time.monotonic()
            fetched = pool.submit(dmm.fetch, hightime.timedelta(seconds=300))
            assert not wait([fetched], timeout=0.2).done
            with smu.initiate():
                assert fetched.result(timeout=100) == pytest.approx(2.0, rel=1e-3)
            assert time.monotonic() - begin < 100.0
