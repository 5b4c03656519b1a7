"""Where a server listens: a unix socket, this host's loopback, or, when told to, the network."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from session_sharing.core.errors import InvalidArgumentError, ResourceInUseError
from session_sharing.guard import Guard
from session_sharing.places import Endpoint, make_private_folder

_LONGEST_SOCKET_PATH = 100
"""Bytes; the system's limit is 104 to 108."""


@dataclass(frozen=True, slots=True)
class TcpListener:
    """A TCP port. For the programs of one user, a `UnixListener` does without a token."""

    host: str
    """Name or address to listen at; 127.0.0.1 keeps other hosts out."""
    port: int = 0
    """0 takes any free port, which clients find by the state file. Set it when they cannot read
    that."""
    tls: bool = False
    """Speak TLS on this host, too. Set it when clients on this host expect it; listeners that other
    hosts can reach speak TLS in any case."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def speaks_tls(self) -> bool:
        """Whether clients must speak TLS."""
        return self.tls or not self.is_loopback

    def address(self, port: int) -> str:
        """Give host and port in gRPC's form."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{port}"

    def target(self, port: int) -> str:
        """Give the gRPC target by which clients reach the port."""
        if self.host == "localhost":
            return f"ipv4:127.0.0.1:{port}"
        if self.is_loopback:
            return f"ipv{6 if ':' in self.host else 4}:{self.address(port)}"
        return self.address(port)


@dataclass(frozen=True, slots=True)
class UnixListener:
    """A unix socket in a folder that only its user can enter."""

    path: Path
    """Where the socket is; at most 100 bytes long."""

    @property
    def fits(self) -> bool:
        """Whether the system can hold a path of this length."""
        return len(os.fsencode(self.path.absolute())) <= _LONGEST_SOCKET_PATH


Listener = TcpListener | UnixListener


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a server that the network can reach."""

    certificate: Path
    """The server's certificate, with what chains it to its authority."""
    key: Path
    """Its private key."""
    client_authority: Path | None = None
    """Authority of the clients' certificates. Set it when clients prove themselves by certificates;
    then each must show one."""

    def credentials(self) -> grpc.ServerCredentials:
        """Read the files.

        Raises:
            InvalidArgumentError: One cannot be read.
        """
        try:
            pair = (self.key.read_bytes(), self.certificate.read_bytes())
            authority = self.client_authority.read_bytes() if self.client_authority else None
        except OSError as error:
            raise InvalidArgumentError(f"A TLS file cannot be read: {error}") from error
        return grpc.ssl_server_credentials(
            [pair], root_certificates=authority, require_client_auth=authority is not None
        )


def parse_listener(text: str) -> Listener:
    """Read ``tcp:HOST:PORT``, ``tls:HOST:PORT`` or ``unix:PATH``.

    HOST is a name, an IPv4 or a bracketed IPv6 address.

    Raises:
        InvalidArgumentError: It is none of them.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest:
        return UnixListener(Path(rest))
    host, _, port = rest.rpartition(":")
    if scheme in ("tcp", "tls") and host and port.isdecimal() and int(port) < 65536:
        return TcpListener(host.strip("[]"), int(port), tls=scheme == "tls")
    raise InvalidArgumentError(
        f"{text!r} is not an address; write tls:HOST:PORT, tcp:HOST:PORT or unix:PATH."
    )


def check_exposure(
    listeners: Sequence[Listener], *, network: bool, tls: TlsFiles | None, anonymous: bool
) -> None:
    """Refuse to be reachable by more than was asked for in so many words.

    Raises:
        InvalidArgumentError: A listener is open to the network without permission, without TLS, or
            to everybody there.
    """
    for listener in listeners:
        if isinstance(listener, UnixListener):
            continue
        if listener.speaks_tls and tls is None:
            raise InvalidArgumentError(
                f"{listener.host} is to speak TLS; give the server a certificate and a key."
            )
        if listener.is_loopback:
            continue
        if not network:
            raise InvalidArgumentError(
                f"{listener.host} can be reached from other hosts; allow that first (--network)."
            )
        if anonymous:
            raise InvalidArgumentError("An anonymous server listens on this host only.")


class BoundListeners:
    """The open listeners of one host, with their targets for clients."""

    def __init__(self, tls: TlsFiles | None = None) -> None:
        self.endpoints: list[Endpoint] = []
        self._tls = tls
        self._guards: list[Guard] = []
        self._sockets: list[Path] = []
        self._folders: list[Path] = []

    def bind(self, server: grpc.aio.Server, listener: Listener) -> None:
        """Open a listener on a server that has not started.

        Raises:
            ResourceInUseError: Another process listens there.
            InvalidArgumentError: The address cannot be used.
        """
        if isinstance(listener, TcpListener):
            self.endpoints.append(self._bind_tcp(server, listener))
        else:
            self.endpoints.append(self._bind_unix(server, listener))

    def release(self) -> None:
        """Let go of what guards the sockets, once the server has stopped."""
        for socket in self._sockets:
            socket.unlink(missing_ok=True)
        for guard in self._guards:
            guard.release()
        for folder in self._folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        self._guards.clear()
        self._sockets.clear()
        self._folders.clear()

    def _bind_unix(self, server: grpc.aio.Server, listener: UnixListener) -> Endpoint:
        path = listener.path.absolute()
        if not listener.fits:
            raise InvalidArgumentError(f"The path of a socket must be shorter: {path}")
        if not path.parent.exists():
            self._folders.append(path.parent)
        make_private_folder(path.parent)
        # A second server could bind a live socket's path and steal it, so a lock stands beside it.
        guard = Guard(path)
        guard.acquire(f"Another server listens on {path}.")
        self._guards.append(guard)
        if path.exists() and not path.is_socket():
            raise InvalidArgumentError(f"{path} is a file, not a socket; choose another path.")
        self._sockets.append(path)
        path.unlink(missing_ok=True)
        credentials = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
        try:
            server.add_secure_port(f"unix:{path}", credentials)
        except RuntimeError as error:
            raise InvalidArgumentError(f"Cannot listen on {path}: {error}") from error
        path.chmod(0o600)
        return Endpoint(f"unix:{path}")

    def _bind_tcp(self, server: grpc.aio.Server, listener: TcpListener) -> Endpoint:
        if listener.speaks_tls:
            assert self._tls is not None  # see check_exposure
            credentials = self._tls.credentials()
        else:
            credentials = grpc.local_server_credentials(grpc.LocalConnectionType.LOCAL_TCP)
        address = listener.address(listener.port)
        try:
            port = server.add_secure_port(address, credentials)
        except RuntimeError as error:
            why = "Is the port taken?"
            if listener.speaks_tls:
                why = "Is the port taken, or do certificate and key not fit?"
            raise ResourceInUseError(f"Cannot listen on {address}. {why}") from error
        return Endpoint(listener.target(port), listener.host, port, listener.speaks_tls)
