"""Where a server listens: loopback TCP for everybody on this host, a unix socket for one user."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from session_sharing.core.errors import InvalidArgumentError, ResourceInUseError
from session_sharing.server.guard import Guard

_LONGEST_SOCKET_PATH = 100
"""Bytes; the system's limit is 104 to 108."""


@dataclass(frozen=True, slots=True)
class TcpListener:
    """A TCP port of this host."""

    host: str
    port: int = 0
    """0 takes any free port."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class UnixListener:
    """A unix socket in a folder that only its user can enter."""

    path: Path


Listener = TcpListener | UnixListener


def parse_listener(text: str) -> Listener:
    """Read ``tcp:HOST:PORT`` or ``unix:PATH``; HOST is a name, an IPv4 or a bracketed IPv6 address.

    Raises:
        InvalidArgumentError: It is neither.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest:
        return UnixListener(Path(rest))
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdecimal() and int(port) < 65536:
        return TcpListener(host.strip("[]"), int(port))
    raise InvalidArgumentError(f"{text!r} is not an address; write tcp:HOST:PORT or unix:PATH.")


class BoundListeners:
    """The open listeners of one server, with their targets for clients."""

    def __init__(self) -> None:
        self.targets: list[str] = []
        self._guards: list[Guard] = []
        self._folders: list[Path] = []

    def bind(self, server: grpc.aio.Server, listener: Listener) -> None:
        """Open a listener on a server that has not started.

        Raises:
            ResourceInUseError: Another process listens there.
            InvalidArgumentError: The address cannot be used.
        """
        if isinstance(listener, TcpListener):
            self.targets.append(_bind_tcp(server, listener))
        else:
            self.targets.append(self._bind_unix(server, listener))

    def release(self) -> None:
        """Let go of what guards the sockets, once the server has stopped."""
        for guard in self._guards:
            guard.release()
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        self._guards.clear()
        self._folders.clear()

    def _bind_unix(self, server: grpc.aio.Server, listener: UnixListener) -> str:
        path = listener.path.absolute()
        if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
            raise InvalidArgumentError(f"The path of a socket must be shorter: {path}")
        if not path.parent.exists():
            self._folders.append(path.parent)
        make_private_folder(path.parent)
        # A second server could bind a live socket's path and steal it, so a lock stands beside it.
        guard = Guard(path)
        guard.acquire(f"Another server listens on {path}.")
        path.unlink(missing_ok=True)
        credentials = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
        server.add_secure_port(f"unix:{path}", credentials)
        self._guards.append(guard)
        return f"unix:{path}"


def _bind_tcp(server: grpc.aio.Server, listener: TcpListener) -> str:
    if not listener.is_loopback:
        raise InvalidArgumentError(f"{listener.host} is not an address of this host alone.")
    is_v6 = ":" in listener.host
    address = f"[{listener.host}]:{listener.port}" if is_v6 else f"{listener.host}:{listener.port}"
    credentials = grpc.local_server_credentials(grpc.LocalConnectionType.LOCAL_TCP)
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise ResourceInUseError(f"Cannot listen on {address}; is the port taken?") from error
    return f"ipv6:[{listener.host}]:{port}" if is_v6 else f"ipv4:127.0.0.1:{port}"


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user can enter, or check that it is one.

    Raises:
        InvalidArgumentError: It belongs to somebody else, or others can enter it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "nt":
        return
    facts = folder.stat()
    if facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise InvalidArgumentError(
            f"{folder} must belong to you alone: `chmod 700` it, or choose another."
        )
