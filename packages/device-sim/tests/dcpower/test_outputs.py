"""An output is on after the start, until it is reset, disabled, cut off or pulsed back."""

from __future__ import annotations

import nidcpower
import pytest


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


def test_asymmetric_limits(smu):
    smu.compliance_limit_symmetry = nidcpower.ComplianceLimitSymmetry.ASYMMETRIC
    smu.current_limit_high, smu.current_limit_low = 0.002, -0.05
    smu.voltage_level = 5.0
    with smu.initiate():
        assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == pytest.approx(0.002)
        smu.voltage_level = -5.0
        assert smu.measure(nidcpower.MeasurementTypes.CURRENT) == pytest.approx(-0.005)


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
