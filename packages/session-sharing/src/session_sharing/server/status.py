"""Encode domain errors: as gRPC status, message, and ErrorInfo in the trailing metadata.

The table of statuses and reasons is in `session_sharing.core.errors`, beside the errors themselves.
"""

from __future__ import annotations

import grpc

from session_sharing.core.errors import SessionSharingError
from session_sharing.v1 import status_pb2

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "session-sharing"

_MESSAGE_BYTES, _DETAIL_BYTES = 1000, 300
"""Longest texts in UTF-8. gRPC refuses headers of more than 8 KB, and they hold the message twice,
in encodings that make it longer."""


def status_code(error: SessionSharingError) -> grpc.StatusCode:
    """Return the status code that carries an error."""
    return grpc.StatusCode[error.status]


def message(error: SessionSharingError) -> str:
    """Return the text of an error, cut to the longest that gRPC can carry."""
    return _shortened(str(error), _MESSAGE_BYTES)


def trailing_metadata(error: SessionSharingError) -> tuple[tuple[str, bytes]]:
    """Return an error's reason and details as google.rpc.Status, which gRPC tools can read."""
    number, _ = status_code(error).value
    status = status_pb2.RichStatus(code=number, message=message(error))
    details = {key: _shortened(value, _DETAIL_BYTES) for key, value in error.details.items()}
    info = status_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=details)
    detail = status.details.add()
    detail.type_url = "type.googleapis.com/google.rpc.ErrorInfo"
    detail.value = info.SerializeToString()
    return ((DETAILS_KEY, status.SerializeToString()),)


def _shortened(text: str, limit: int) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode("utf-8")
    return encoded[:limit].decode("utf-8", "ignore") + "…"
