"""gRPC channels to services on this machine."""

from __future__ import annotations

import grpc

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment cannot reach this machine
)


def open_channel(address: str) -> grpc.Channel:
    """Opens a channel without encryption and without a limit on message sizes.

    Args:
        address: HOST:PORT.
    """
    return grpc.insecure_channel(address, options=_OPTIONS)
