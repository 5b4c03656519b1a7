"""Open gRPC channels to services on this machine, and read the errors of their calls."""

from __future__ import annotations

from typing import Any, cast

import grpc

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment cannot reach this machine
)


def open_channel(address: str) -> grpc.Channel:
    """Open a channel without encryption and without a limit on message sizes.

    Args:
        address: HOST:PORT.
    """
    return grpc.insecure_channel(address, options=_OPTIONS)


def status_of_error(error: grpc.RpcError) -> grpc.StatusCode:
    """Return the status of a failed call; gRPC's stubs do not show that the error has one."""
    code = getattr(cast(Any, error), "code", None)
    return code() if code is not None else grpc.StatusCode.UNKNOWN


def text_of_error(error: grpc.RpcError) -> str:
    """Return the status and the details of a failed call."""
    details = getattr(cast(Any, error), "details", None)
    return f"{status_of_error(error).name}: {details() if details is not None else error}"
