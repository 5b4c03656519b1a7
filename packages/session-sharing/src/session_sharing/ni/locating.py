"""Finds a server through NI discovery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient

from session_sharing.client.errors import ServerUnavailableError
from session_sharing.client.options import ConnectOptions
from session_sharing.core.errors import NotPermittedError
from session_sharing.ni.names import TOKEN_FILE_ANNOTATION, DiscoveryName, first_line


def locate(
    name: DiscoveryName,
    options: ConnectOptions,
    discovery_client: DiscoveryClient | None = None,
) -> ConnectOptions:
    """Find a server through discovery, which starts it when it knows how to.

    The plain port is taken where there is one, unless the options ask for TLS.

    Args:
        name: What the server is called.
        options: How to connect; target and token are filled in, a given token is kept.
        discovery_client: The client to ask; by default a new one.

    Raises:
        ServerUnavailableError: Discovery, or the server, is not there.
        NotPermittedError: The token file belongs to somebody else.
    """
    client = discovery_client or DiscoveryClient()
    try:
        location, info = client.resolve_service_with_information(name.interface, name.service_class)
    except (grpc.RpcError, OSError, RuntimeError, ValueError) as error:
        raise ServerUnavailableError(
            f"NI discovery did not find {name.service_class}: {first_line(error)}"
        ) from error
    token = options.token
    token_file = info.annotations.get(TOKEN_FILE_ANNOTATION, "")
    if token_file and not token:
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NotPermittedError(
                f"The server's token file cannot be read, so it runs as another user: {error}"
            ) from error
    if location.insecure_port and not (options.wants_tls and location.ssl_authenticated_port):
        return replace(options, target=location.insecure_address, token=token)
    return replace(options, target=location.ssl_authenticated_address, token=token, tls=True)
