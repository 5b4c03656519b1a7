"""TestStand code module: open, register and close the log sessions of the pin map.

A crashed run can leave a log open without any attachment. This module closes such a session and
opens a new one, so that the next run is not blocked. To protect a running sequence from this, the
module stays attached until the interpreter of the execution ends.
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
from teststand_record_context import record_context
from teststand_registered_sessions import register, unregister_left_behind, unregistering

_logger = logging.getLogger(__name__)

_attached: list[JsonLoggerClient] = []
"""The clients that keep this execution attached."""


def create_json_logger_sessions(sequence_context: Any) -> None:
    """Open every log of the pin map, and register it for the later steps.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    client = SessionManagementClient()
    pin_map = active_pin_map(sequence_context)
    open_log = JsonLoggerSessionConstructor(
        initialization_behavior=SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH,
        reclaim=True,
        context=record_context(sequence_context),
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


def update_record_context(sequence_context: Any) -> None:
    """Give the next unit under test to the records. Call it when the unit changes in an execution.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    context = record_context(sequence_context)
    for log in _attached:
        log.set_context(context)


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
