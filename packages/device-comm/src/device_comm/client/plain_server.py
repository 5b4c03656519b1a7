"""Use the reference's server, which knows no attachments: by its own Initialize and Close.

That server ends nothing by itself, so the client closes the session when its behavior says so. The
session of a client that dies stays open.
"""

from __future__ import annotations

from session_sharing.client import (
    Connection,
    InitializationBehavior,
    InvalidArgumentError,
    SessionAlreadyOpenError,
    SessionNotFoundError,
    SessionSharingError,
    UnexpectedStatusError,
)
from session_sharing.core.behaviors import RULES, EndAction
from session_sharing.v1 import lifecycle_pb2

from device_comm import device_comm_service_pb2 as pb

_UNKNOWN_CALL = "UNIMPLEMENTED"

_AUTO = pb.SESSION_INITIALIZATION_BEHAVIOR_UNSPECIFIED
_NEW = pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW
_ATTACH = pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING

_BY_STATUS: dict[str, type[SessionSharingError]] = {
    "ALREADY_EXISTS": SessionAlreadyOpenError,
    "INVALID_ARGUMENT": InvalidArgumentError,
    "NOT_FOUND": SessionNotFoundError,
}


def is_plain(connection: Connection) -> bool:
    """Return whether a server has the reference's calls only.

    Raises:
        SessionSharingError: The server cannot be reached, or refuses this client.
    """
    request = lifecycle_pb2.GetServerInfoRequest()
    try:
        connection.call(connection.lifecycle.GetServerInfo, request)
    except UnexpectedStatusError as error:
        if error.status == _UNKNOWN_CALL:
            return True
        raise
    return False


def behavior_on_the_wire(
    behavior: InitializationBehavior,
) -> pb.SessionInitializationBehavior.ValueType:
    """Return which of the server's three behaviors opens a session as one of the five does."""
    rule = RULES[behavior]
    if rule.may_create and rule.may_attach:
        return _AUTO
    return _NEW if rule.may_create else _ATTACH


def closes_at_its_end(behavior: InitializationBehavior, *, created: bool) -> bool:
    """Return whether a client with this behavior closes the session when it leaves."""
    return RULES[behavior].end_action(created) is EndAction.CLOSE


def explained(error: UnexpectedStatusError) -> SessionSharingError:
    """Return an error of the reference's server, which sends no reasons, as the usual class."""
    cls = _BY_STATUS.get(error.status)
    return error if cls is None else cls(str(error))
