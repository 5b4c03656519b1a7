"""How domain errors travel: gRPC status, message, and ErrorInfo in the trailing metadata.

The table of statuses and reasons is in `session_sharing.core.errors`, beside the errors themselves.
"""

from __future__ import annotations

import grpc

from session_sharing.core.errors import SessionSharingError
from session_sharing.v1 import status_pb2

DETAILS_KEY = "grpc-status-details-bin"
DOMAIN = "session-sharing"


def status_code(error: SessionSharingError) -> grpc.StatusCode:
    """Give the status code that carries an error."""
    return grpc.StatusCode[error.status]


def trailing_metadata(error: SessionSharingError) -> tuple[tuple[str, bytes]]:
    """Pack an error's reason and details, readable by every tool that knows google.rpc.Status."""
    number, _ = status_code(error).value
    status = status_pb2.RichStatus(code=number, message=str(error))
    info = status_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.details)
    detail = status.details.add()
    detail.type_url = "type.googleapis.com/google.rpc.ErrorInfo"
    detail.value = info.SerializeToString()
    return ((DETAILS_KEY, status.SerializeToString()),)
