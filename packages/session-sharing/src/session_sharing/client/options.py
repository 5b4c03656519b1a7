"""Define the options of a connection: target, credentials and timeouts."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc

from session_sharing.client.arguments import check_argument
from session_sharing.client.running import RunningServer
from session_sharing.core.errors import InvalidArgumentError
from session_sharing.printing import harmless


def default_label() -> str:
    """Return a name of this process for people: program, process id and host."""
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    return harmless(f"{program}, pid {os.getpid()} on {socket.gethostname()}")


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """Where the server is and how to talk to it.

    For a server of the same user on this host, use `from_state_file`: it finds target and token.
    Otherwise set the target, and an API key by `with_api_key` or a certificate.

    On this host, the operating system protects the connection. To other hosts, the client uses TLS.
    A connection without TLS needs `insecure`, and never carries credentials.
    """

    target: str = ""
    """gRPC target, as ``unix:PATH``, ``ipv4:127.0.0.1:PORT`` or ``HOST:PORT``. Set it when there is
    no state file to read, as for a server on another host."""
    token: str = field(default="", repr=False)
    """The server's token; empty over a unix socket or to an anonymous server. Set it when you know
    the token of a server on this host, but not its state file."""
    api_key: str = field(default="", repr=False)
    """An API key instead of a token, for clients that cannot read the token; see `with_api_key`."""
    api_key_id: str = ""
    """The id under which the server knows the API key; set it with `api_key`."""
    tls: bool = False
    """Speak TLS on this host, too. Set it when the server listens at a ``tls:`` address on this
    host; to another host, credentials go over TLS in any case."""
    root_certificates: str | Path | None = None
    """PEM file of the authority that signed the server's certificate; None for the system's. Set it
    when an authority of your own signed it. It implies `tls`."""
    certificate: str | Path | None = None
    """PEM file of this client's own certificate. Set it when the server asks for one."""
    certificate_key: str | Path | None = None
    """PEM file of the private key of `certificate`; set it with that."""
    authority: str = ""
    """Name to expect in the server's certificate. Set it when it is not the target's name."""
    insecure: bool = False
    """Talk to another host without TLS and without credentials. Set it only for an anonymous server
    on a network that you trust."""
    presence: bool = True
    """Hold a stream that shows that this client is alive. Set False for a client that only makes a
    few calls; then its calls show that it is alive."""
    window: float = 0.0
    """Seconds within which the server is to notice that this client is lost; 0 for the server's
    default. Set it longer when the network or the program can stop for seconds."""
    timeout: float = 10.0
    """Seconds for one call, retries included. Set it longer when a resource opens slowly, shorter
    when a program must not wait."""
    attempts: int = 0
    """Tries of one call when the server cannot be reached; 0 for as many as the time allows. Set 1
    when a program handles a lost server by itself."""
    keepalive: float = 0.0
    """Seconds between pings of the server, at least 1; 0 for none. Set it when a firewall forgets
    connections that are idle for a while."""
    label: str = ""
    """Name of this client for people; empty for its program, process id and host. Set it when those
    do not say enough, as for many processes of one program."""

    @classmethod
    def from_state_file(cls, path: str | Path) -> ConnectOptions:
        """Return the options for a server of this user, as its state file says.

        Raises:
            NotPermittedError: The files, or their folder, belong to another user, or another user
                may write there.
            InvalidArgumentError: There is no server, or the file is not a state file.
        """
        return cls.of_server(RunningServer.read(Path(path)))

    @classmethod
    def of_server(cls, server: RunningServer) -> ConnectOptions:
        """Return the options for a running server of this user."""
        target = server.target()
        return cls(target, token=server.token, tls=target in server.tls_targets)

    def with_api_key(self, api_key: str, api_key_id: str) -> ConnectOptions:
        """Return the same options with an API key as credentials."""
        return replace(self, api_key=api_key, api_key_id=api_key_id, token="")

    def open_channel(self, *, own_connection: bool = False) -> grpc.Channel:
        """Make a channel to the target.

        Args:
            own_connection: Do not share the connection of another channel to the same target.

        Raises:
            InvalidArgumentError: The options contradict each other, or a file cannot be read.
        """
        check_argument("target", self.target, str)
        options = self._channel_options(own_connection)
        if is_this_host(self.target) and not self.wants_tls:
            over_unix = self.target.startswith("unix:")
            kind = grpc.LocalConnectionType
            credentials = grpc.local_channel_credentials(kind.UDS if over_unix else kind.LOCAL_TCP)
        elif self.insecure:
            if self.token or self.api_key or self.certificate:
                raise InvalidArgumentError(
                    "With `insecure`, the credentials would cross the network without TLS, so they "
                    "are never sent. Leave out `insecure`, or the token, API key or certificate."
                )
            return grpc.insecure_channel(self.target, options)
        else:
            credentials = self._tls()
        call = self._call_credentials()
        if call is not None:
            credentials = grpc.composite_channel_credentials(credentials, call)
        return grpc.secure_channel(self.target, credentials, options)

    @property
    def wants_tls(self) -> bool:
        """Whether TLS is spoken on this host, too."""
        return self.tls or self.root_certificates is not None or self.certificate is not None

    def _channel_options(self, own_connection: bool) -> list[tuple[str, int | str]]:
        options: list[tuple[str, int | str]] = [
            ("grpc.initial_reconnect_backoff_ms", 50),
            # How long one attempt may take. A slow link needs several answers for TCP, TLS, HTTP/2.
            ("grpc.min_reconnect_backoff_ms", 3000),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
        ]
        if is_this_host(self.target):
            # An HTTP proxy for the network cannot reach servers on this host.
            options.append(("grpc.enable_http_proxy", 0))
        if own_connection:
            options.append(("grpc.use_local_subchannel_pool", 1))
        if self.authority:
            options.append(("grpc.ssl_target_name_override", self.authority))
        if self.keepalive:
            options += [
                ("grpc.keepalive_time_ms", round(max(self.keepalive, 1.0) * 1000)),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.max_pings_without_data", 0),
            ]
        return options

    def _tls(self) -> grpc.ChannelCredentials:
        files = (self.root_certificates, self.certificate_key, self.certificate)
        try:
            root, key, certificate = (Path(file).read_bytes() if file else None for file in files)
        except OSError as error:
            raise InvalidArgumentError(
                f"The client cannot read a TLS file: {error}. Check its path and its permissions."
            ) from error
        return grpc.ssl_channel_credentials(root, key, certificate)

    def _call_credentials(self) -> grpc.CallCredentials | None:
        if self.token:
            return grpc.access_token_call_credentials(self.token)
        if self.api_key:
            return grpc.metadata_call_credentials(_ApiKey(self.api_key_id, self.api_key))
        return None


class _ApiKey(grpc.AuthMetadataPlugin):
    """Sends an API key with every call."""

    def __init__(self, key_id: str, key: str) -> None:
        self._metadata = (("authorization", f"ApiKey {key_id}:{key}"),)

    def __call__(
        self,
        context: grpc.AuthMetadataContext,
        callback: grpc.AuthMetadataPluginCallback,
    ) -> None:
        callback(self._metadata, None)


def is_this_host(target: str) -> bool:
    """Return whether a gRPC target can only be on this host."""
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
