"""Events, delays, triggers, sequences and limits of NI-DCPower, in virtual time."""

from __future__ import annotations

import math
from pathlib import Path

import nidcpower
import pytest

WAIT_TIMEOUT = -1074116059
FETCH_TIMEOUT = -1074097933
INVALID_VALUE = -1074135024

BENCH = """
[readings]
noise = false
quantization = false
calibration = false

[[connect]]
channel = "SMU1/0"
hi = "out"

[[part]]
name = "R1"
kind = "resistor"
a = "out"
b = "GND"
value = 1000.0

[[connect]]
channel = "LOAD1/0"
hi = "battery"

[[part]]
name = "B1"
kind = "source"
a = "battery"
b = "GND"
voltage = 12.0
resistance = 0.1
"""


@pytest.fixture
def bench(bench_file) -> Path:
    return bench_file(BENCH)


@pytest.fixture
def smu(open_dcpower):
    return open_dcpower("SMU1/0", model="4137")


def refused(code, action):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        action()
    assert caught.value.code == code


def test_source_complete_comes_after_the_source_delay(smu, clock):
    smu.source_delay = 0.25
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        assert clock.now() == pytest.approx(0.25)


def test_waiting_ends_with_nis_code_when_the_event_does_not_come(smu, clock):
    smu.source_delay = 0.25
    with smu.initiate():
        refused(WAIT_TIMEOUT, lambda: smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 0.1))
        assert clock.now() == pytest.approx(0.1)
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 0.2)
        assert clock.now() == pytest.approx(0.25)


def test_an_event_is_taken_by_the_wait_for_it(smu):
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        refused(WAIT_TIMEOUT, lambda: smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 1.0))


def test_a_new_level_while_running_makes_a_new_event(smu, clock):
    smu.source_delay = 0.1
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        smu.voltage_level = 2.0
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        assert clock.now() == pytest.approx(0.2)
        assert smu.measure(nidcpower.MeasurementTypes.VOLTAGE) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("aperture", "units", "seconds"),
    [
        (0.5, nidcpower.ApertureTimeUnits.SECONDS, 0.5),
        (3, nidcpower.ApertureTimeUnits.POWER_LINE_CYCLES, 0.05),
    ],
)
def test_a_measurement_takes_its_aperture(smu, clock, aperture, units, seconds):
    smu.configure_aperture_time(aperture, units)
    with smu.initiate():
        smu.measure_multiple()
    assert clock.now() == pytest.approx(seconds)


def test_channels_are_measured_at_the_same_time(open_dcpower, clock):
    session = open_dcpower("SMU2", model="4162")
    session.aperture_time = 0.1
    with session.initiate():
        session.measure_multiple()
    assert clock.now() == pytest.approx(0.1)


def test_abort_leaves_the_output_on_and_reset_switches_it_off(smu):
    smu.voltage_level = 2.0
    smu.initiate()
    smu.abort()
    assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == pytest.approx(0.002)
    smu.reset()
    smu.abort()
    assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == 0.0
    assert smu.voltage_level == 0.0


def test_an_output_outlives_its_session(open_dcpower, server):
    with open_dcpower("SMU1/0", model="4137") as first:
        first.voltage_level = 2.0
        first.initiate()
    assert server.bench.measure("SMU1/0", 0.0, 0.0).current == pytest.approx(0.002)


def test_a_reset_when_opening_switches_the_output_off(open_dcpower, server):
    with open_dcpower("SMU1/0", model="4137") as first:
        first.voltage_level = 2.0
        first.initiate()
    open_dcpower("SMU1/0", model="4137", reset=True)
    assert server.bench.measure("SMU1/0", 0.0, 0.0).current == 0.0


def test_disable_switches_the_outputs_off(smu):
    smu.voltage_level = 2.0
    smu.initiate()
    smu.disable()
    assert smu.output_enabled is False
    assert smu.measure(nidcpower.MeasurementTypes.VOLTAGE) == 0.0


@pytest.mark.parametrize("attribute", ["output_enabled", "output_connected"])
def test_a_channel_that_is_off_sources_nothing(smu, attribute):
    smu.voltage_level = 2.0
    setattr(smu, attribute, False)
    with smu.initiate():
        assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == 0.0
        assert smu.query_output_state(nidcpower.OutputStates.CONSTANT_VOLTAGE) is False


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("voltage_level", 7.0), ("current_limit", 0.2), ("current_limit", 0.0005)],
)
def test_values_that_conflict_with_their_range_are_refused_when_committed(smu, attribute, value):
    setattr(smu, attribute, value)
    refused(INVALID_VALUE, smu.commit)
    refused(INVALID_VALUE, smu.initiate)


def test_overranging_allows_five_percent(smu):
    smu.voltage_level = 6.2
    refused(INVALID_VALUE, smu.commit)
    smu.overranging_enabled = True
    smu.commit()


def test_ranges_follow_the_level_when_asked_to(smu):
    smu.voltage_level_autorange = 1
    smu.voltage_level = 15.0
    assert smu.voltage_level_range == 20.0
    smu.commit()


def test_asymmetric_limits(smu):
    smu.compliance_limit_symmetry = nidcpower.ComplianceLimitSymmetry.ASYMMETRIC
    smu.current_limit_high, smu.current_limit_low = 0.002, -0.05
    smu.voltage_level = 5.0
    with smu.initiate():
        assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == pytest.approx(0.002)
        smu.voltage_level = -5.0
        assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == pytest.approx(-0.005)


def test_a_simple_sequence_measures_every_step(smu, clock):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.aperture_time = 0.001
    smu.sequence_loop_count = 2
    smu.set_sequence([1.0, 2.0, 3.0], [0.01, 0.02, 0.03])
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SEQUENCE_ENGINE_DONE)
        assert clock.now() == pytest.approx(2 * (0.06 + 3 * 0.001))
        assert smu.fetch_backlog == 6
        measured = smu.fetch_multiple(6)
    assert [m.voltage for m in measured] == pytest.approx([1.0, 2.0, 3.0] * 2)
    assert [m.current for m in measured] == pytest.approx([0.001, 0.002, 0.003] * 2)


def test_a_sequence_without_end_runs_until_it_is_aborted(smu):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.sequence_loop_count_is_finite = False
    smu.set_sequence([1.0, 2.0], None)
    smu.initiate()
    assert len(smu.fetch_multiple(20, timeout=10.0)) == 20
    refused(WAIT_TIMEOUT, lambda: smu.wait_for_event(nidcpower.Event.SEQUENCE_ENGINE_DONE, 1.0))
    smu.abort()
    refused(FETCH_TIMEOUT, lambda: smu.fetch_multiple(1))


def test_a_sequence_needs_steps(smu):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    refused(INVALID_VALUE, smu.initiate)


def test_source_delays_must_be_as_many_as_values(smu):
    with pytest.raises(ValueError, match="do not match"):
        smu.set_sequence([0.1, 0.2], [0.001])


def test_an_advanced_sequence_changes_attributes_step_by_step(smu):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.aperture_time = 0.001
    smu.create_advanced_sequence("ramp", ["output_function", "voltage_level", "current_level"])
    smu.create_advanced_sequence_step()
    smu.output_function = nidcpower.OutputFunction.DC_VOLTAGE
    smu.voltage_level = 1.5
    smu.create_advanced_sequence_step()
    smu.output_function = nidcpower.OutputFunction.DC_CURRENT
    smu.current_level = 0.003
    with smu.initiate():
        first, second = smu.fetch_multiple(2)
    assert (first.voltage, first.current) == pytest.approx((1.5, 0.0015))
    assert (second.voltage, second.current) == pytest.approx((3.0, 0.003))


def test_a_deleted_sequence_cannot_become_active(smu):
    smu.create_advanced_sequence("mine", ["voltage_level"])
    assert smu.active_advanced_sequence == "mine"
    smu.delete_advanced_sequence("mine")
    assert smu.active_advanced_sequence == ""
    refused(INVALID_VALUE, lambda: setattr(smu, "active_advanced_sequence", "mine"))


def test_sequences_belong_to_channels(open_dcpower):
    session = open_dcpower("Dev1/0:3, Dev2/0:3", model="4162")
    some = session.channels["Dev1/3,Dev2/0-1"]
    some.create_advanced_sequence("mine", ["voltage_level"])
    assert some.active_advanced_sequence == "mine"
    assert session.channels["Dev1/0"].active_advanced_sequence == ""


@pytest.mark.parametrize(
    ("attribute", "trigger"),
    [
        ("start_trigger_type", nidcpower.SendSoftwareEdgeTriggerType.START),
        ("source_trigger_type", nidcpower.SendSoftwareEdgeTriggerType.SOURCE),
    ],
)
def test_nothing_is_sourced_before_the_trigger(smu, attribute, trigger):
    setattr(smu, attribute, nidcpower.TriggerType.SOFTWARE_EDGE)
    smu.voltage_level = 1.0
    with smu.initiate():
        refused(WAIT_TIMEOUT, lambda: smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 1.0))
        assert smu.measure(nidcpower.MeasurementTypes.VOLTAGE) == 0.0
        smu.send_software_edge_trigger(trigger)
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        assert smu.measure(nidcpower.MeasurementTypes.VOLTAGE) == pytest.approx(1.0)


def test_a_sequence_is_advanced_by_its_trigger(smu):
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.sequence_loop_count = 2
    smu.sequence_advance_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
    smu.set_sequence([1.0, 2.0], None)
    advance = nidcpower.SendSoftwareEdgeTriggerType.SEQUENCE_ADVANCE
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SEQUENCE_ITERATION_COMPLETE)
        assert smu.fetch_backlog == 2
        smu.send_software_edge_trigger(advance)
        smu.wait_for_event(nidcpower.Event.SEQUENCE_ENGINE_DONE)
        assert smu.fetch_backlog == 4


def test_measurements_on_a_measure_trigger(smu):
    smu.measure_when = nidcpower.MeasureWhen.ON_MEASURE_TRIGGER
    smu.measure_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
    smu.measure_record_length = 3
    smu.voltage_level = 1.0
    with smu.initiate():
        refused(FETCH_TIMEOUT, lambda: smu.fetch_multiple(1))
        smu.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.MEASURE)
        assert [m.voltage for m in smu.fetch_multiple(3)] == pytest.approx([1.0] * 3)
        refused(FETCH_TIMEOUT, lambda: smu.fetch_multiple(1))


def test_a_shutdown_trigger_switches_the_output_off(open_dcpower):
    smu = open_dcpower("SMU1/0", model="4139")
    smu.shutdown_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
    smu.voltage_level = 1.0
    with smu.initiate():
        smu.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.SHUTDOWN)
        assert smu.measure(nidcpower.MeasurementTypes.VOLTAGE) == 0.0


def test_a_pulse_rises_from_its_bias_and_falls_back(smu, clock):
    smu.output_function = nidcpower.OutputFunction.PULSE_VOLTAGE
    smu.pulse_voltage_level, smu.pulse_bias_voltage_level = 4.0, 0.5
    smu.pulse_bias_delay, smu.pulse_on_time, smu.pulse_off_time = 0.01, 0.02, 0.03
    smu.source_delay = 0.005
    smu.aperture_time = 0.001
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.READY_FOR_PULSE_TRIGGER)
        (record,) = smu.fetch_multiple(1)
        assert record.voltage == pytest.approx(4.0)
        smu.wait_for_event(nidcpower.Event.PULSE_COMPLETE)
        assert clock.now() == pytest.approx(0.06)
        server_state = smu.query_in_compliance()
    assert server_state is False


def test_an_output_cutoff_latches_until_it_is_cleared(open_dcpower):
    smu = open_dcpower("SMU1/0", model="4135")
    smu.output_cutoff_enabled = True
    smu.output_cutoff_current_measure_limit_high = 0.001
    smu.voltage_level = 5.0
    high = nidcpower.OutputCutoffReason.CURRENT_MEASURE_HIGH
    with smu.initiate():
        smu.measure_multiple()
        assert smu.query_latched_output_cutoff_state(high) is True
        assert smu.query_output_state(nidcpower.OutputStates.INHIBITED) is True
        assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == 0.0
        smu.clear_latched_output_cutoff_state(high)
        assert smu.query_latched_output_cutoff_state(nidcpower.OutputCutoffReason.ALL) is False


def test_an_electronic_load_sinks_with_positive_current(open_dcpower):
    load = open_dcpower("LOAD1/0", model="4051")
    load.current_level_range = 4.0
    load.current_level = 2.0
    with load.initiate():
        (measured,) = load.measure_multiple()
    assert measured.current == pytest.approx(2.0)
    assert measured.voltage == pytest.approx(11.8)


def test_constant_resistance_loads_like_a_resistor(open_dcpower):
    load = open_dcpower("LOAD1/0", model="4051")
    load.output_function = nidcpower.OutputFunction.CONSTANT_RESISTANCE
    load.constant_resistance_level = 3.9
    with load.initiate():
        (measured,) = load.measure_multiple()
    assert measured.current == pytest.approx(12.0 / 4.0)


def test_exported_attributes_can_be_imported(smu, tmp_path):
    smu.voltage_level = 1.0
    buffer = smu.export_attribute_configuration_buffer()
    smu.voltage_level = 2.0
    smu.import_attribute_configuration_buffer(buffer)
    assert smu.voltage_level == 1.0


def test_what_was_not_exported_here_cannot_be_imported(smu, open_dcpower, tmp_path):
    other = open_dcpower("SMU2").export_attribute_configuration_buffer()
    for content in (b"", b"{}", b"[]", b"\xff", other):
        refused(-1074135037, lambda c=content: smu.import_attribute_configuration_buffer(c))
    missing = str(tmp_path / "missing")
    refused(-1074135037, lambda: smu.import_attribute_configuration_file(missing))
    folder = str(tmp_path)
    refused(-1074135036, lambda: smu.export_attribute_configuration_file(folder))


def test_the_time_between_records_is_the_aperture(smu):
    smu.aperture_time = 0.002
    assert smu.measure_record_delta_time.total_seconds() == pytest.approx(0.002)


def test_a_finite_record_has_as_many_measurements_as_configured(smu):
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    smu.measure_record_length = 4
    with smu.initiate():
        assert len(smu.fetch_multiple(4)) == 4
        refused(FETCH_TIMEOUT, lambda: smu.fetch_multiple(1))


def test_an_infinite_record_goes_on(smu):
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    smu.measure_record_length_is_finite = False
    with smu.initiate():
        assert len(smu.fetch_multiple(50, timeout=10.0)) == 50
    assert math.isfinite(smu.measure(nidcpower.MeasurementTypes.VOLTAGE))
