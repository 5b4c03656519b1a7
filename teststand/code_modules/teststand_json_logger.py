"""TestStand code module: open, register and close the log sessions of the pin map.

A log that a crashed run left open, with nobody attached, is taken over: it must not block the next
run. So that a running sequence is never taken for a crashed one, this module stays attached for as
long as the interpreter of the execution lives.
"""

from __future__ import annotations

import logging
from typing import Any

from json_logger_client import (
    JSON_LOGGER_INSTRUMENT_TYPE,
    JsonLoggerClient,
    JsonLoggerSessionConstructor,
)
from ni.measurementlink.sessionmanagement.v1.client import (
    SessionInitializationBehavior,
    SessionManagementClient,
)
from teststand_pin_map import active_pin_map
from teststand_registered_sessions import register, unregister_left_behind, unregistering

_logger = logging.getLogger(__name__)

_attached: list[JsonLoggerClient] = []
"""The clients by which this execution stays present."""


def create_json_logger_sessions(sequence_context: Any) -> None:
    """Open every log of the pin map and register it for the steps that follow.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    client = SessionManagementClient()
    pin_map = active_pin_map(sequence_context)
    open_log = JsonLoggerSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH,
        reclaim=True,
    )
    with client.reserve_sessions(
        pin_map, instrument_type_id=JSON_LOGGER_INSTRUMENT_TYPE
    ) as reservation:
        for session in reservation.session_info:
            log = open_log(session)
            _attached.append(log)
            _logger.info(
                "opened %s in session %s (%s)",
                session.resource_name,
                log.session_name,
                "taken over from a crashed run" if log.reclaimed else "new",
            )
        unregister_left_behind(client, reservation)
        register(client, reservation, JSON_LOGGER_INSTRUMENT_TYPE, pin_map)


def destroy_json_logger_sessions() -> None:
    """Close and unregister the log sessions that this execution opened."""
    client = SessionManagementClient()
    close_log = JsonLoggerSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE
    )
    with unregistering(client, JSON_LOGGER_INSTRUMENT_TYPE) as reservation:
        if reservation is not None:
            with reservation.initialize_sessions(close_log, JSON_LOGGER_INSTRUMENT_TYPE):
                pass
    while _attached:
        _attached.pop().detach()
