"""Find a server of this user: by argument, environment variable, NI discovery, or state file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from session_sharing.client import (
    ConnectOptions,
    InvalidArgumentError,
    NotPermittedError,
    ServerUnavailableError,
)
from session_sharing.places import default_state_file, read_small

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient


@dataclass(frozen=True, slots=True)
class ServerNames:
    """The names by which clients find a kind of server."""

    what: str
    """One such server, for people, as "logger"."""
    program: str
    """Command of the server. Its state file has the same name."""
    target_variable: str
    """Environment variable with the target of the server."""
    token_file_variable: str
    """Environment variable that names the file with the server's token."""
    discovery_interface: str
    """Provided interface in NI discovery."""
    discovery_class: str
    """Service class in NI discovery."""
    ni_extra: str
    """What to install so that clients can ask discovery, as "json-logger-client[ni]"."""


def find_server(
    names: ServerNames,
    options: ConnectOptions | None = None,
    discovery_client: DiscoveryClient | None = None,
) -> ConnectOptions:
    """Return the target of a server, and the token for it.

    Four places are searched, and the first that names a server counts: the target in the options,
    the environment variable, NI discovery, and the state file of a server that this user has
    started on this host.

    Args:
        names: The names of the server.
        options: Known settings. If they have a target, no other place is searched.
        discovery_client: NI discovery client, which is asked when neither options nor environment
            name a server.

    Raises:
        ServerUnavailableError: No place names a server. The message says what was found at each.
        NotPermittedError: Other users can change the state file or a token file.
    """
    options = options or ConnectOptions()
    token_file = os.environ.get(names.token_file_variable, "")
    if token_file and not options.token:
        options = replace(options, token=_read_token(names, Path(token_file)))
    target = options.target or os.environ.get(names.target_variable, "")
    if target:
        return replace(options, target=target)
    try:
        return _ask_discovery(names, options, discovery_client)
    except (ServerUnavailableError, NotPermittedError) as error:
        nothing_at_discovery = error  # another user's registration must not hide this user's server
    try:
        found = ConnectOptions.from_state_file(default_state_file(names.program))
    except InvalidArgumentError as error:
        raise ServerUnavailableError(
            f"No {names.what} was found. The target argument and the environment variable "
            f"{names.target_variable} are empty. {nothing_at_discovery} {error} Start a "
            f"{names.what} by `{names.program} serve`, or name its target."
        ) from error
    token = options.token or found.token
    return replace(options, target=found.target, token=token, tls=found.tls)


def _ask_discovery(
    names: ServerNames, options: ConnectOptions, discovery_client: DiscoveryClient | None
) -> ConnectOptions:
    try:
        from session_sharing.ni import DiscoveryName, locate
    except ImportError as error:
        raise ServerUnavailableError(
            f"NI discovery was not asked, because {names.ni_extra} is not installed."
        ) from error
    name = DiscoveryName(names.discovery_interface, names.discovery_class)
    return locate(name, options, discovery_client)


def _read_token(names: ServerNames, file: Path) -> str:
    try:
        return read_small(file).strip()
    except (OSError, ValueError) as error:
        raise NotPermittedError(
            f"The token file {file}, which {names.token_file_variable} names, cannot be used: "
            f"{error}"
        ) from error
