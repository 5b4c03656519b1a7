"""Serve the calls of NI-DCPower that create and delete sequences."""

from __future__ import annotations

from typing import Any

from device_sim.base.wire import channel_name
from device_sim.call import Call
from device_sim.drivers.nidcpower.errors import ERRORS
from device_sim.drivers.nidcpower.session import DCPowerSession
from device_sim.errors import INVALID_VALUE, DriverError, sizes_differ


class SequenceCalls:
    """Create and delete sequences."""

    def set_sequence(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Set the levels and, if given, the delays of the simple sequence."""
        values, delays = list(request.values), list(request.source_delays)
        if delays and len(delays) != len(values):
            raise sizes_differ("values", "source_delays")
        if not values:
            raise DriverError(INVALID_VALUE, "A sequence needs at least one value.")
        session.each(
            session.select(request.channel_name),
            lambda unit: unit.configuration.sequences.set_simple(values, delays),
        )

    def create_advanced_sequence(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Create an advanced sequence."""
        names = frozenset(session.table.get(number).name for number in request.attribute_ids)
        indices = session.select_for_flow(channel_name(request))
        session.each(
            indices,
            lambda unit: unit.configuration.sequences.create(request.sequence_name, names),
        )
        if request.set_as_active_sequence:
            session.set("active_advanced_sequence", request.sequence_name, channel_name(request))

    def create_advanced_sequence_step(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Add a step to the active advanced sequence."""
        session.each(
            session.select_for_flow(channel_name(request)),
            lambda unit: unit.configuration.create_step(activate=request.set_as_active_step),
        )

    def create_advanced_sequence_commit_step(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Refuse: no simulated model has a commit step."""
        session.select_for_flow(channel_name(request))
        raise DriverError(ERRORS.OPERATION_NOT_SUPPORTED)

    def delete_advanced_sequence(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Delete an advanced sequence."""
        session.each(
            session.select_for_flow(channel_name(request)),
            lambda unit: unit.configuration.delete_sequence(request.sequence_name),
        )
