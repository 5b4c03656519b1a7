"""Open the listeners of a server: unix sockets, loopback ports and, if allowed, network ports."""

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
    """A TCP port. Clients of the same user can use a `UnixListener` instead, without a token."""

    host: str
    """Name or address to listen at. Other hosts cannot reach 127.0.0.1."""
    port: int = 0
    """0 takes any free port, which clients find by the state file. Set it when clients cannot read
    the state file."""
    tls: bool = False
    """Speak TLS on this host, too. Set it when clients on this host expect it. Listeners that other
    hosts can reach always speak TLS."""

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
        """Return host and port in gRPC's form."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{port}"

    def target(self, port: int) -> str:
        """Return the gRPC target by which clients reach the port."""
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
        """Whether the path is short enough for a socket."""
        return len(os.fsencode(self.path.absolute())) <= _LONGEST_SOCKET_PATH


Listener = TcpListener | UnixListener


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a server that speaks TLS."""

    certificate: Path
    """The server's certificate, with its intermediate certificates."""
    key: Path
    """The private key of the certificate."""
    client_authority: Path | None = None
    """Authority of the clients' certificates. Set it when clients identify themselves by
    certificates; then each client must show one."""

    def credentials(self) -> grpc.ServerCredentials:
        """Read the files.

        Raises:
            InvalidArgumentError: A file cannot be read.
        """
        try:
            pair = (self.key.read_bytes(), self.certificate.read_bytes())
            authority = self.client_authority.read_bytes() if self.client_authority else None
        except OSError as error:
            raise InvalidArgumentError(
                f"The server cannot read a TLS file: {error}. Check its path and its permissions."
            ) from error
        return grpc.ssl_server_credentials(
            [pair], root_certificates=authority, require_client_auth=authority is not None
        )


def parse_listener(text: str) -> Listener:
    """Return the listener that ``tcp:HOST:PORT``, ``tls:HOST:PORT`` or ``unix:PATH`` means.

    HOST is a name, an IPv4 address or an IPv6 address in brackets.

    Raises:
        InvalidArgumentError: The text has none of these forms.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest:
        return UnixListener(Path(rest))
    host, _, port = rest.rpartition(":")
    if scheme in ("tcp", "tls") and host and port.isdecimal() and int(port) < 65536:
        return TcpListener(host.strip("[]"), int(port), tls=scheme == "tls")
    raise InvalidArgumentError(
        f"{text!r} is not an address. Write tcp:HOST:PORT, tls:HOST:PORT or unix:PATH."
    )


def check_exposure(
    listeners: Sequence[Listener], *, network: bool, tls: TlsFiles | None, anonymous: bool
) -> None:
    """Refuse listeners that other hosts could reach without permission, TLS and credentials.

    Raises:
        InvalidArgumentError: A listener is open to the network, but the options do not allow it, it
            has no TLS, or the server is anonymous.
    """
    for listener in listeners:
        if isinstance(listener, UnixListener):
            continue
        if listener.speaks_tls and tls is None:
            raise InvalidArgumentError(
                f"The listener at {listener.host} needs TLS. Give the server a certificate and a "
                "private key."
            )
        if listener.is_loopback:
            continue
        if not network:
            raise InvalidArgumentError(
                f"Other hosts can reach a listener at {listener.host}. Allow that by --network, or "
                "listen at 127.0.0.1."
            )
        if anonymous:
            raise InvalidArgumentError(
                f"Other hosts can reach a listener at {listener.host}, but an anonymous server "
                "asks for no token. Leave out anonymous, or listen at 127.0.0.1."
            )


class BoundListeners:
    """The open listeners of one server, with their endpoints for clients."""

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
        """Remove the sockets and their locks, after the server has stopped."""
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
            raise InvalidArgumentError(
                f"The path of the socket is too long: {path}. Use a path of at most "
                f"{_LONGEST_SOCKET_PATH} bytes."
            )
        if not path.parent.exists():
            self._folders.append(path.parent)
        make_private_folder(path.parent)
        # A second server could bind the path of a live socket, so a lock file protects it.
        guard = Guard(path)
        guard.acquire(f"Another server listens at {path}. Stop it, or choose another path.")
        self._guards.append(guard)
        if path.exists() and not path.is_socket():
            raise InvalidArgumentError(f"{path} is a file, not a socket. Choose another path.")
        self._sockets.append(path)
        path.unlink(missing_ok=True)
        credentials = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
        try:
            server.add_secure_port(f"unix:{path}", credentials)
        except RuntimeError as error:
            raise InvalidArgumentError(
                f"The server cannot listen at {path}: {error}. Choose another path."
            ) from error
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
            advice = "Another program may use the port: choose another one."
            if listener.speaks_tls:
                advice += " Or the certificate does not belong to the private key."
            raise ResourceInUseError(f"The server cannot listen at {address}. {advice}") from error
        return Endpoint(listener.target(port), listener.host, port, listener.speaks_tls)
