"""An action that waits for a trigger happens after it, and not before."""

from __future__ import annotations

import nidcpower
import pytest
from driver_refusals import FETCH_TIMEOUT, WAIT_TIMEOUT, refused


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
