"""Find the logger: by argument, environment variable, NI discovery, or state file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from json_logger_proto.names import (
    DISCOVERY_CLASS,
    DISCOVERY_INTERFACE,
    PROGRAM,
    TARGET_VARIABLE,
    TOKEN_FILE_VARIABLE,
)
from session_sharing.client import (
    ConnectOptions,
    InvalidArgumentError,
    NotPermittedError,
    ServerUnavailableError,
)
from session_sharing.places import default_state_file, read_small

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient


def locate_logger(
    options: ConnectOptions | None = None, discovery_client: DiscoveryClient | None = None
) -> ConnectOptions:
    """Return the target of the logger, and the token for it.

    `JsonLoggerClient` calls this by itself. Use it to make a `Connection` that several logs share::

        with Connection(locate_logger()) as connection:
            log = JsonLoggerClient("measurements.ndjson", connection=connection)

    Four places are searched, and the first that names a logger counts: the target in the options,
    the environment variable JSON_LOGGER_TARGET, NI discovery (with the extra ``[ni]``), and the
    state file of a logger that this user has started on this host.

    Args:
        options: Known settings. If they have a target, no other place is searched. Use it for a
            time limit, or for your own credentials.
        discovery_client: NI discovery client, which is asked when neither options nor environment
            name a logger. Use it in programs that have such a client.

    Raises:
        ServerUnavailableError: No place names a logger. The message says what was found at each.
        NotPermittedError: Other users can change the state file or a token file.
    """
    options = options or ConnectOptions()
    token_file = os.environ.get(TOKEN_FILE_VARIABLE, "")
    if token_file and not options.token:
        options = replace(options, token=_read_token(Path(token_file)))
    target = options.target or os.environ.get(TARGET_VARIABLE, "")
    if target:
        return replace(options, target=target)
    try:
        return _ask_discovery(options, discovery_client)
    except (ServerUnavailableError, NotPermittedError) as error:
        nothing_at_discovery = error  # another user's registration must not hide this user's logger
    try:
        found = ConnectOptions.from_state_file(default_state_file(PROGRAM))
    except InvalidArgumentError as error:
        raise ServerUnavailableError(
            f"No logger was found. The target argument and the environment variable "
            f"{TARGET_VARIABLE} are empty. {nothing_at_discovery} {error} Start a logger by "
            "`json-logger serve`, or name its target."
        ) from error
    token = options.token or found.token
    return replace(options, target=found.target, token=token, tls=found.tls)


def _ask_discovery(
    options: ConnectOptions, discovery_client: DiscoveryClient | None
) -> ConnectOptions:
    try:
        from session_sharing.ni import DiscoveryName, locate
    except ImportError as error:
        raise ServerUnavailableError(
            "NI discovery was not asked, because json-logger-client[ni] is not installed."
        ) from error
    name = DiscoveryName(DISCOVERY_INTERFACE, DISCOVERY_CLASS)
    return locate(name, options, discovery_client)


def _read_token(file: Path) -> str:
    try:
        return read_small(file).strip()
    except (OSError, ValueError) as error:
        raise NotPermittedError(
            f"The token file {file}, which {TOKEN_FILE_VARIABLE} names, cannot be used: {error}"
        ) from error
