"""What both logger services share: appending to the log of a session."""

from __future__ import annotations

from functools import partial

from session_sharing.core.errors import ResourceLostError, SessionNotFoundError
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Session

from json_logger_server.history import Batch
from json_logger_server.json_log import Appending, JsonLog


def log_of(session: Session) -> JsonLog:
    """Give a session's log.

    Raises:
        SessionNotFoundError: The session is of another kind.
    """
    if not isinstance(session.resource, JsonLog):
        raise SessionNotFoundError(f"Session {session.name!r} is not a log.")
    return session.resource


async def append(registry: SessionRegistry, session: Session, batch: Batch, size: int) -> int:
    """Append a batch to a session's log; a log that broke ends its session.

    Returns:
        The sequence number of the first record.

    Raises:
        SessionSharingError: Nothing was written, and why.
    """
    return await outcome(registry, session, log_of(session).append(batch, size))


async def outcome(registry: SessionRegistry, session: Session, appending: Appending) -> int:
    """Wait for a batch to be in the file; a log that broke ends its session, a full one is rotated.

    Returns:
        The sequence number of the first record.

    Raises:
        SessionSharingError: Nothing was written, and why.
    """
    try:
        first_seq = await appending.answer
    except ResourceLostError as error:
        registry.fail(session, str(error))
        raise
    log = log_of(session)
    if log.is_full:
        log.rotate(partial(registry.move, session))
    return first_seq
