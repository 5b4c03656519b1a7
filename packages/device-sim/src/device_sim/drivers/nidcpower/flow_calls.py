"""Serve the calls of NI-DCPower's programming flow: initiate, abort, events, channel names."""

from __future__ import annotations

from typing import Any

from device_sim.base.channels import expand_numbers
from device_sim.base.service import Fields, channel_name, enum_value
from device_sim.call import Call
from device_sim.drivers.nidcpower.session import DCPowerSession
from device_sim.errors import UNKNOWN_CHANNEL, DriverError


class FlowCalls:
    """Control the programming flow of channels."""

    # Channels.

    def get_channel_name(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Return the name of a channel, counted from 1."""
        return {"channel_name": _channel_names(session, str(request.index - 1))}

    def get_channel_name_from_string(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """Return the names of channels, counted from 0."""
        return {"channel_name": _channel_names(session, request.index)}

    # The programming flow.

    def initiate_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Start channels."""
        session.initiate(session.select_for_flow(channel_name(request)))

    def abort_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Stop channels."""
        session.abort(session.select_for_flow(channel_name(request)))

    def commit_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Check the attributes of channels."""
        for index in session.select_for_flow(channel_name(request)):
            session.units[index].commit()

    def reset_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Reset channels."""
        session.reset(session.select_for_flow(channel_name(request)))

    def reset_device(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Reset everything."""
        session.reset(range(len(session.channels)))
        session.attributes.reset()

    initiate = initiate_with_channels
    abort = abort_with_channels
    commit = commit_with_channels
    reset = reset_with_channels
    reset_with_defaults = reset_device

    def disable(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Switch all outputs off."""
        session.disable()

    # Events.

    def wait_for_event_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Wait for an event on channels."""
        indices = session.select_for_flow(channel_name(request))
        session.wait_for_event(indices, enum_value(request, "event_id"), request.timeout, call)

    wait_for_event = wait_for_event_with_channels


def _channel_names(session: DCPowerSession, indices: str) -> str:
    names = []
    for token in "".join(indices.split()).split(","):
        for number in expand_numbers(token):
            if not number.isdecimal() or int(number) >= len(session.channels):
                raise DriverError(UNKNOWN_CHANNEL, f"Index: {number}")
            names.append(session.channels.names[int(number)])
    return ",".join(names)
