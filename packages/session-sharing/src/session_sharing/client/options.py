"""How a client connects."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from session_sharing.core.errors import InvalidArgumentError


def default_label() -> str:
    """Say who this process is: program, process id and host."""
    program = Path(sys.argv[0] or "python").name if sys.argv else "python"
    return f"{program}, pid {os.getpid()} on {socket.gethostname()}"


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """Where the server is and how to talk to it."""

    target: str = ""
    """gRPC target: ``unix:PATH``, ``ipv4:127.0.0.1:PORT`` or ``HOST:PORT``."""
    token: str = field(default="", repr=False)
    """The server's token; empty over a unix socket or to an anonymous server."""
    presence: bool = True
    """Hold a stream that shows that this client lives; without it, its calls show that."""
    window: float = 0.0
    """Seconds in which the server shall notice that this client is gone; 0 takes its default."""
    timeout: float = 10.0
    """Seconds for one call, retries included."""
    label: str = field(default_factory=default_label)
    """Who this is, for people."""

    def open_channel(self, *, own_connection: bool = False) -> grpc.Channel:
        """Make a channel to the target.

        Args:
            own_connection: Do not share the connection of another channel to the same target.
        """
        options: list[tuple[str, int]] = [
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.min_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        ]
        if is_this_host(self.target):
            # A proxy meant for the network would swallow calls on this host.
            options.append(("grpc.enable_http_proxy", 0))
        if own_connection:
            options.append(("grpc.use_local_subchannel_pool", 1))
        return grpc.secure_channel(self.target, self._credentials(), options)

    def _credentials(self) -> grpc.ChannelCredentials:
        if not is_this_host(self.target):
            raise InvalidArgumentError(f"{self.target} is not on this host.")
        over_unix = self.target.startswith("unix:")
        kind = grpc.LocalConnectionType
        channel = grpc.local_channel_credentials(kind.UDS if over_unix else kind.LOCAL_TCP)
        if not self.token:
            return channel
        call = grpc.access_token_call_credentials(self.token)
        return grpc.composite_channel_credentials(channel, call)


def is_this_host(target: str) -> bool:
    """Tell whether a gRPC target can only be on this host."""
    if target.startswith("unix:"):
        return True
    address = re.sub(r"^(dns:///|ipv4:|ipv6:)", "", target)
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Locate = Callable[[], ConnectOptions]
"""Finds the server when it is needed."""
