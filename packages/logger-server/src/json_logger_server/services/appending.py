"""What both logger services share: appending to the log of a session."""

from __future__ import annotations

from session_sharing.core.errors import ResourceLostError, SessionNotFoundError
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Session

from json_logger_server.json_log import Batch, JsonLog


def log_of(session: Session) -> JsonLog:
    """Give a session's log.

    Raises:
        SessionNotFoundError: The session is of another kind.
    """
    if not isinstance(session.resource, JsonLog):
        raise SessionNotFoundError(f"Session {session.name!r} is not a log.")
    return session.resource


async def append(registry: SessionRegistry, session: Session, batch: Batch) -> int:
    """Append a batch to a session's log; a log that broke ends its session.

    Returns:
        The sequence number of the first record.

    Raises:
        SessionSharingError: Nothing was written, and why.
    """
    try:
        return await log_of(session).append(batch)
    except ResourceLostError as error:
        registry.fail(session, str(error))
        raise
