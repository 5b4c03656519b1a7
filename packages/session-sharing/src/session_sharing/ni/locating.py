"""Finds a server through NI discovery, and finds out whose it is before a secret leaves.

Anybody on the host may be able to register anything with discovery. So a registration is a hint. It
names a state file, which counts only where nobody but this user can have written it, and where it
lists the very port that was registered. A server that lives keeps its port. The token of one that
is gone opens nothing, as every start makes a new one. The connection goes to what the state file
says: to the unix socket in the user's own folder, where there is one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceLocation

from session_sharing.client.errors import ServerUnavailableError
from session_sharing.client.options import ConnectOptions, is_this_host
from session_sharing.client.running import RunningServer
from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.ni.names import STATE_FILE_ANNOTATION, DiscoveryName, first_line
from session_sharing.places import is_on_this_machine


def locate(
    name: DiscoveryName,
    options: ConnectOptions,
    discovery_client: DiscoveryClient | None = None,
) -> ConnectOptions:
    """Find a server through discovery, which starts it when it knows how to.

    A server of this user is recognized by its state file, and is given its token. Another one gets
    no secret: neither a file is read for it, nor is a token of the options sent to it, unless the
    options name the authority that signed its certificate.

    Args:
        name: What the server is called.
        options: How to connect; target and token are filled in, a given token is kept.
        discovery_client: The client to ask; by default a new one.

    Raises:
        ServerUnavailableError: Discovery, or the server, is not there.
        NotPermittedError: The server is not known to be this user's, and a secret would be sent.
    """
    client = discovery_client or DiscoveryClient()
    try:
        location, info = client.resolve_service_with_information(name.interface, name.service_class)
    except (grpc.RpcError, OSError, RuntimeError, ValueError) as error:
        raise ServerUnavailableError(
            f"NI discovery did not find {name.service_class}: {first_line(error)}"
        ) from error
    state_file = info.annotations.get(STATE_FILE_ANNOTATION, "")
    if state_file:
        return _own_server(name, location, Path(state_file), options)
    return _unknown_server(name, location, options)


def _own_server(
    name: DiscoveryName, location: ServiceLocation, state_file: Path, options: ConnectOptions
) -> ConnectOptions:
    """Complete the options with what a server's own state file says."""
    try:
        if not is_on_this_machine(state_file):
            raise NotPermittedError(f"{state_file} is not a path on this machine.")
        server = RunningServer.read(state_file)
    except (NotPermittedError, InvalidArgumentError) as error:
        raise NotPermittedError(_not_yours(name, str(error))) from error
    ports = (location.insecure_port, location.ssl_authenticated_port)
    addresses = (location.insecure_address, location.ssl_authenticated_address)
    at_own_port = any(port and server.listens_at(port) for port in ports)
    if not at_own_port or not all(is_this_host(address) for address in addresses):
        raise NotPermittedError(
            _not_yours(name, f"{state_file} does not list the port that was registered.")
        )
    token = options.token or ("" if options.api_key else server.token)
    target = server.target(tls=options.wants_tls)
    if target in server.tls_targets:  # its certificate has the name of the host, not the address
        return replace(options, target=location.ssl_authenticated_address, token=token, tls=True)
    return replace(options, target=target, token=token)


def _unknown_server(
    name: DiscoveryName, location: ServiceLocation, options: ConnectOptions
) -> ConnectOptions:
    """Complete the options for a server that says nothing of itself; it is given no secret."""
    tls = not location.insecure_port or (
        options.wants_tls and bool(location.ssl_authenticated_port)
    )
    proved = tls and options.root_certificates is not None
    if (options.token or options.api_key) and not proved:
        raise NotPermittedError(_not_yours(name, "it names no state file."))
    if tls:
        return replace(options, target=location.ssl_authenticated_address, tls=True)
    return replace(options, target=location.insecure_address)


def _not_yours(name: DiscoveryName, why: str) -> str:
    return (
        f"NI discovery names a {name.service_class} that is not known to be yours: {why} "
        "Nothing was sent to it. To use a server of another user, name its target and its token."
    )
