"""Rotating the logs of sessions: of one that somebody names, of one that is full, of all."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path

from session_sharing.server import ResourceLostError, Session, SessionRegistry, SessionSharingError

from json_logger_server.json_log import JsonLog, log_of


async def rotate(registry: SessionRegistry, session: Session) -> Path | None:
    """Rotate a session's log; a log that broke ends its session.

    Returns:
        What its file is called now; None when it has no numbered record and stays.

    Raises:
        SessionSharingError: It is not rotated, and why.
    """
    rotated = log_of(session).rotate(partial(registry.move, session))
    try:
        return await asyncio.shield(rotated)  # others may wait for the same rotation
    except ResourceLostError as error:
        registry.fail(session, str(error))
        raise


def rotate_all(registry: SessionRegistry) -> None:
    """Begin to rotate all open logs; what fails is told in the server's log."""
    for found in registry.sessions():
        with contextlib.suppress(SessionSharingError):
            session = registry.session(found.name)
            if isinstance(session.resource, JsonLog):
                session.resource.rotate(partial(registry.move, session))
