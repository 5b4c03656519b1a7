"""Rotate the log of one session, or of all sessions."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path

from session_sharing.server import ResourceLostError, Session, SessionRegistry, SessionSharingError

from json_logger_server.json_log import JsonLog, log_of


async def rotate(registry: SessionRegistry, session: Session) -> Path | None:
    """Rotate the log of a session. If the log is lost, end the session.

    Returns:
        The new path of the old file; None if the file has no numbered record, and is not rotated.

    Raises:
        SessionSharingError: The log is not rotated; the error gives the reason.
    """
    rotated = log_of(session).rotate(partial(registry.move, session))
    try:
        return await asyncio.shield(rotated)  # others may wait for the same rotation
    except ResourceLostError as error:
        registry.fail(session, str(error))
        raise


def rotate_all(registry: SessionRegistry) -> None:
    """Begin to rotate all open logs. Failures are reported in the server's log."""
    for found in registry.sessions():
        with contextlib.suppress(SessionSharingError):
            session = registry.session(found.name)
            if isinstance(session.resource, JsonLog):
                session.resource.rotate(partial(registry.move, session))
