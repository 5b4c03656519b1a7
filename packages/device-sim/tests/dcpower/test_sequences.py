"""Sequences run step by step, as often as they are configured to."""

from __future__ import annotations

import nidcpower
import pytest
from driver_refusals import FETCH_TIMEOUT, INVALID_VALUE, WAIT_TIMEOUT, refused


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
    assert len(smu.fetch_multiple(20, timeout=60.0)) == 20
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
