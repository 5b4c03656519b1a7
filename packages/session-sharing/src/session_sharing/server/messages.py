"""Translate between objects of the core and messages of the protocol."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from session_sharing.core.behaviors import ClosePolicy, InitializationBehavior
from session_sharing.core.errors import InvalidArgumentError
from session_sharing.core.events import Gap, SessionEvent
from session_sharing.core.sessions import (
    Attachment,
    Client,
    Expiry,
    FailedSession,
    Opened,
    OpenRequest,
    Session,
)
from session_sharing.v1 import lifecycle_pb2 as pb

_log = logging.getLogger(__name__)


def open_request(message: pb.OpenRequest, principal: str) -> OpenRequest:
    """Decode an open request.

    Raises:
        InvalidArgumentError: An enum value is unknown.
    """
    try:
        behavior = InitializationBehavior(message.behavior)
        close_policy = ClosePolicy(message.close_policy)
    except ValueError as error:
        raise InvalidArgumentError(
            f"The request has an unknown behavior or close policy: {error}."
        ) from error
    return OpenRequest(
        kind=message.kind,
        resource=message.resource,
        session_name=message.session_name,
        behavior=behavior,
        close_policy=close_policy,
        reclaim=message.reclaim,
        label=message.label,
        principal=principal,
        anyone_may_close=message.anyone_may_close,
        parameters=dict(message.parameters),
        wait=message.wait_ms / 1000,
    )


def granted(client: Client, resumed: bool, epoch: str) -> pb.HoldEvent:
    """Encode that a client is present."""
    return pb.HoldEvent(
        granted=pb.HoldEvent.Granted(
            client_id=client.id,
            window_ms=round(client.window * 1000),
            resumed=resumed,
            epoch=epoch,
        )
    )


def expired(expiry: Expiry) -> pb.HoldEvent:
    """Encode that a client has expired."""
    return pb.HoldEvent(
        expired=pb.HoldEvent.Expired(reason=expiry.reason, attachments=expiry.attachments)
    )


def open_response(opened: Opened, server: pb.GetServerInfoResponse) -> pb.OpenResponse:
    """Encode the answer to a request to open a session."""
    attachment, session = opened.attachment, opened.session
    assert attachment is not None
    return pb.OpenResponse(
        attachment=attachment.id,
        session_name=session.name,
        new_session=opened.new_session,
        generation=session.generation,
        reclaimed=opened.reclaimed,
        epoch=server.epoch,
        client_id=attachment.client.id,
        details=_facts_about(session),
        max_message_bytes=server.max_message_bytes,
    )


def session_info(session: Session) -> pb.SessionInfo:
    """Encode one session with its attachments."""
    return pb.SessionInfo(
        name=session.name,
        kind=session.request.kind,
        resource=session.request.resource,
        generation=session.generation,
        opened_at=timestamp(session.opened_at),
        opened_by=session.request.label,
        close_policy=pb.ClosePolicy.ValueType(session.request.close_policy),
        closing=session.closing,
        attachments=[attachment_info(item) for item in session.attachments.values()],
        details=_facts_about(session),
        waiting=session.waiting.labels,
    )


def failed_session(failed: FailedSession) -> pb.FailedSession:
    """Encode a session whose release hook failed."""
    request = failed.session.request
    return pb.FailedSession(
        name=failed.session.name,
        kind=request.kind,
        resource=request.resource,
        opened_by=request.label,
        failed_at=timestamp(failed.failed_at),
        reason=_as_text(failed.reason),
    )


def attachment_info(attachment: Attachment) -> pb.AttachmentInfo:
    """Encode one attachment."""
    client = attachment.client
    return pb.AttachmentInfo(
        client_id=client.id,
        label=attachment.label,
        behavior=pb.Behavior.ValueType(attachment.behavior),
        since=timestamp(attachment.since),
        present=client.streams > 0 or client.present_by_calls,
    )


def _facts_about(session: Session) -> Mapping[str, str]:
    """Return the facts of a resource; if it raises an error, the facts say so."""
    try:
        facts = session.resource.describe()
        return {_as_text(name): _as_text(value) for name, value in facts.items()}
    except Exception as error:
        _log.exception("The method describe of the resource %s failed.", session.request.resource)
        return {"error": f"{type(error).__name__}: {error}"}


def _as_text(value: object) -> str:
    """Return a text that protobuf can carry; file names may hold bytes that it cannot."""
    return str(value).encode(errors="replace").decode()


def watch_response(event: SessionEvent | Gap) -> pb.WatchResponse:
    """Encode an event or a gap for a watcher."""
    if isinstance(event, Gap):
        return pb.WatchResponse(gap=pb.WatchResponse.Gap(first=event.first, last=event.last))
    return pb.WatchResponse(
        session=pb.SessionEvent(
            revision=event.revision,
            time=timestamp(event.time),
            type=pb.SessionEvent.Type.ValueType(event.type),
            session_name=event.session_name,
            kind=event.kind,
            resource=event.resource,
            generation=event.generation,
            client_id=event.client_id,
            label=event.label,
            reason=event.reason,
        )
    )


def timestamp(moment: datetime) -> Timestamp:
    """Encode a wall-clock time."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
