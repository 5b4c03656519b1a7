"""Serve triggers and the export of signals."""

from __future__ import annotations

from typing import Any

from nidigital.enums import SoftwareTrigger, TriggerType

from device_sim.base.wire import enum_value
from device_sim.call import Call
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.errors import FUNCTION_NOT_SUPPORTED, INVALID_VALUE, DriverError

_JUMP = "conditional_jump_trigger"
_EXPORTED = {
    2000: "exported_start_trigger_output_terminal",
    2001: "exported_conditional_jump_trigger_output_terminal",
    2002: "exported_pattern_opcode_event_output_terminal",
    2004: "exported_rio_event_output_terminal",
}
"""The attribute with the terminal of each signal, by NI's number of the signal."""


class TriggerCalls:
    """Serve the calls about triggers."""

    def send_software_edge_trigger(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Send a trigger."""
        trigger = enum_value(request, "trigger")
        if trigger == SoftwareTrigger.START.value:
            session.send_start_trigger()
        elif trigger == SoftwareTrigger.CONDITIONAL_JUMP.value:
            session.check_jump_trigger(request.trigger_identifier)
        else:
            raise DriverError(INVALID_VALUE, f"Trigger: {trigger}")

    def export_signal(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Put a signal onto a terminal, too."""
        signal = enum_value(request, "signal")
        if signal not in _EXPORTED:
            raise DriverError(
                FUNCTION_NOT_SUPPORTED, f"Not simulated: the export of the signal {signal}."
            )
        session.set(_EXPORTED[signal], request.output_terminal, request.signal_identifier)

    def configure_digital_edge_conditional_jump_trigger(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Let a conditional jump trigger come from a terminal."""
        name = request.trigger_identifier
        session.set(f"digital_edge_{_JUMP}_source", request.source, name)
        session.set(f"digital_edge_{_JUMP}_edge", enum_value(request, "edge"), name)
        session.set(f"{_JUMP}_type", TriggerType.DIGITAL_EDGE.value, name)

    def configure_software_edge_conditional_jump_trigger(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Let a conditional jump trigger come by software."""
        session.set(f"{_JUMP}_type", TriggerType.SOFTWARE.value, request.trigger_identifier)

    def disable_conditional_jump_trigger(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Let a conditional jump trigger have no source."""
        session.set(f"{_JUMP}_type", TriggerType.NONE.value, request.trigger_identifier)
