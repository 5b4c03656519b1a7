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
from teststand_registered_sessions import reserve_registered_sessions

_logger = logging.getLogger(__name__)

_attached: list[JsonLoggerClient] = []
"""The clients by which this execution stays present."""


def create_json_logger_sessions(sequence_context: Any) -> None:
    """Open every log of the pin map and register it for the steps that follow.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    client = SessionManagementClient()
    open_log = JsonLoggerSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH,
        reclaim=True,
    )
    with client.reserve_sessions(
        active_pin_map(sequence_context), instrument_type_id=JSON_LOGGER_INSTRUMENT_TYPE
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
        client.register_sessions(reservation.session_info)


def destroy_json_logger_sessions() -> None:
    """Close and unregister every registered log session."""
    client = SessionManagementClient()
    close_log = JsonLoggerSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE
    )
    with reserve_registered_sessions(client, JSON_LOGGER_INSTRUMENT_TYPE) as reservation:
        if reservation.session_info:
            client.unregister_sessions(reservation.session_info)
            with reservation.initialize_sessions(close_log, JSON_LOGGER_INSTRUMENT_TYPE):
                pass
    while _attached:
        _attached.pop().detach()
