"""Serve the calls of NI-DCPower that send and route triggers, and that wait for events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from device_sim.base.wire import channel_name, enum_value
from device_sim.call import Call
from device_sim.drivers.nidcpower.engine import Trigger
from device_sim.drivers.nidcpower.errors import ERRORS
from device_sim.drivers.nidcpower.session import DCPowerSession
from device_sim.errors import INVALID_VALUE, DriverError

# ExportSignal's number of each signal, with the attribute for its terminal.
_SIGNALS: Mapping[int, str] = {
    1030: "source_complete_event_output_terminal",
    1031: "measure_complete_event_output_terminal",
    1032: "sequence_iteration_complete_event_output_terminal",
    1033: "sequence_engine_done_event_output_terminal",
    1034: "exported_start_trigger_output_terminal",
    1035: "exported_source_trigger_output_terminal",
    1036: "exported_measure_trigger_output_terminal",
    1037: "exported_sequence_advance_trigger_output_terminal",
    1051: "pulse_complete_event_output_terminal",
    1052: "ready_for_pulse_trigger_event_output_terminal",
    1053: "exported_pulse_trigger_output_terminal",
}


class TriggerCalls:
    """Send triggers, route signals, wait for events."""

    def wait_for_event(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Wait for an event on channels."""
        indices = session.select_for_flow(channel_name(request))
        session.wait_for_event(indices, enum_value(request, "event_id"), request.timeout, call)

    def send_software_edge_trigger(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Send a trigger to channels."""
        indices = session.select_for_flow(channel_name(request))
        if not session.independent and len(indices) > 1:
            raise DriverError(ERRORS.NOT_WITH_SEVERAL_CHANNELS)
        _send_trigger(session, indices, enum_value(request, "trigger"))

    def export_signal(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Route an event or trigger to a terminal."""
        attribute = _SIGNALS.get(enum_value(request, "signal"))
        if attribute is None:
            raise DriverError(INVALID_VALUE, "Unknown signal")
        session.set(attribute, request.output_terminal, channel_name(request))


def _send_trigger(session: DCPowerSession, indices: list[int], number: int) -> None:
    now = session.now
    try:
        trigger = Trigger(number)
    except ValueError as error:
        raise DriverError(INVALID_VALUE, f"Trigger: {number}") from error
    for index in indices:
        engine = session.units[index].engine
        device = session.channels.channels[index].device
        if engine and not session.loses_trigger(now, device):
            engine.send(trigger, now)
    session.lock.notify_all()
