"""Find a server through NI discovery, and check that it is this user's before sending a secret.

Every user of the host may be able to register a server with discovery. So a registration is only a
hint. It names a state file. The client trusts the file only if no other user can have written it,
and if it lists the registered port. A running server keeps its port. The token of a server that has
ended is useless, because every start makes a new one. The client connects to the target in the
state file: to the unix socket in the user's own folder, if there is one.
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
    """Find a server through discovery, which starts it if it can.

    The client recognizes a server of this user by its state file, and sends it the token. It sends
    no secret to another server, and reads no file for it, unless the options name the authority
    that signed the server's certificate.

    Args:
        name: Name of the server in discovery.
        options: How to connect. The result has the target and the token; a given token is kept.
        discovery_client: The client of discovery; by default a new one.

    Raises:
        ServerUnavailableError: Discovery, or the server, does not run.
        NotPermittedError: The server may belong to another user, so it must not get the secret.
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
    """Complete the options with the target and the token in a server's state file."""
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
            _not_yours(name, f"Its state file {state_file} does not list the registered port.")
        )
    token = options.token or ("" if options.api_key else server.token)
    target = server.target(tls=options.wants_tls)
    if target in server.tls_targets:  # the certificate has the host's name, not its address
        return replace(options, target=location.ssl_authenticated_address, token=token, tls=True)
    return replace(options, target=target, token=token)


def _unknown_server(
    name: DiscoveryName, location: ServiceLocation, options: ConnectOptions
) -> ConnectOptions:
    """Complete the options for a server without a state file, which gets no secret."""
    tls = not location.insecure_port or (
        options.wants_tls and bool(location.ssl_authenticated_port)
    )
    proved = tls and options.root_certificates is not None
    if (options.token or options.api_key) and not proved:
        raise NotPermittedError(_not_yours(name, "It names no state file."))
    if tls:
        return replace(options, target=location.ssl_authenticated_address, tls=True)
    return replace(options, target=location.insecure_address)


def _not_yours(name: DiscoveryName, why: str) -> str:
    return (
        f"NI discovery found a {name.service_class} that is not known to be yours. {why} The "
        "client has sent nothing to it. To use another user's server, pass its target and token."
    )
