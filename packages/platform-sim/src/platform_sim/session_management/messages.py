"""Translate between the messages of session management and the core's data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

import session_pb2
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as pb

from platform_sim.callers import Caller
from platform_sim.pin_map.partition import SessionLayout
from platform_sim.session_management.open_sessions import OpenSession
from platform_sim.session_management.sessions import MultiplexerStatus, SessionStatus

RESERVED_SINCE_KEY = "platform-sim/reserved.since"
"""Annotation in GetSessions only: time of the reservation, ISO 8601."""
HOLDER_PID_KEY = "platform-sim/reserved.pid"
"""Annotation in GetSessions only: process id of the holder, if it is known."""
HOLDER_PROGRAM_KEY = "platform-sim/reserved.program"
"""Annotation in GetSessions only: command line of the holder, shortened."""
HOLDER_STATE_KEY = "platform-sim/reserved.state"
"""Annotation in GetSessions only: ALIVE if the holder still runs, otherwise DEAD."""
ALIVE, DEAD = "alive", "dead"


def encode_session(status: SessionStatus) -> pb.SessionInformation:
    """Return the message of a session, with the channels that it was reserved for."""
    information = pb.SessionInformation(
        session=session_pb2.Session(name=status.name),
        resource_name=status.resource_name,
        instrument_type_id=status.type_id,
        session_exists=status.registered is not None,
        session_reserved=status.reservation is not None,
        annotations=status.annotations,
    )
    if status.layout is not None:
        information.channel_list = status.layout.channel_list
        _add_mappings(information, status.layout)
    return information


def _add_mappings(information: pb.SessionInformation, layout: SessionLayout) -> None:
    """Add the rows in place, because there can be tens of thousands, and copies take time."""
    add = information.channel_mappings.add
    for row in layout.rows:
        mapping = add(pin_or_relay_name=row.leaf, site=row.site, channel=row.channel)
        if row.multiplexer:
            mapping.multiplexer_resource_name = row.multiplexer
            mapping.multiplexer_route = row.route


def encode_listed_session(status: SessionStatus) -> pb.SessionInformation:
    """Return the message of a session for GetSessions, with time and holder of its reservation."""
    information = encode_session(status)
    if status.reservation is not None:
        since = datetime.fromtimestamp(status.reservation.since, timezone.utc)
        information.annotations[RESERVED_SINCE_KEY] = since.isoformat(timespec="milliseconds")
        holder = status.reservation.holder
        if holder is not None:
            information.annotations[HOLDER_PID_KEY] = str(holder.pid)
            information.annotations[HOLDER_PROGRAM_KEY] = holder.program
            information.annotations[HOLDER_STATE_KEY] = ALIVE if holder.is_alive() else DEAD
    return information


def encode_multiplexer(status: MultiplexerStatus) -> pb.MultiplexerSessionInformation:
    """Return the message of a multiplexer session."""
    session = status.session
    return pb.MultiplexerSessionInformation(
        session=session_pb2.Session(name=session.name),
        resource_name=session.resource_name,
        multiplexer_type_id=session.type_id,
        session_exists=status.is_registered,
        annotations=dict(session.annotations),
    )


def encode_groups(
    groups: dict[str, tuple[str, ...]],
) -> dict[str, pb.ResolvedPinsOrRelays]:
    """Return the members of groups as messages."""
    return {
        name: pb.ResolvedPinsOrRelays(pin_or_relay_names=members)
        for name, members in groups.items()
    }


def decode_sessions(
    messages: Iterable[pb.SessionInformation], holder: Caller | None
) -> list[OpenSession]:
    """Return the sessions in messages of a registration."""
    return [
        OpenSession(
            one.session.name,
            one.resource_name,
            one.instrument_type_id,
            dict(one.annotations),
            holder,
        )
        for one in messages
    ]


def decode_multiplexers(
    messages: Iterable[pb.MultiplexerSessionInformation], holder: Caller | None
) -> list[OpenSession]:
    """Return the multiplexer sessions in messages of a registration."""
    return [
        OpenSession(
            one.session.name,
            one.resource_name,
            one.multiplexer_type_id,
            dict(one.annotations),
            holder,
        )
        for one in messages
    ]
