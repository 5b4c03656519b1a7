"""Finds the logger: by argument, by environment, through NI discovery, by its state file."""

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
    """Return where the logger is, with the token for it.

    `JsonLoggerClient` does this by itself. Use it to make a `Connection` that several logs share::

        with Connection(locate_logger()) as connection:
            log = JsonLoggerClient("measurements.ndjson", connection=connection)

    The first place that names a logger counts: the target in the options, the variable
    JSON_LOGGER_TARGET, NI discovery (with the extra ``[ni]``), and the state file of a logger that
    this user has started on this host.

    Args:
        options: What is known; a target in it is final. Use it for a time limit, or credentials of
            your own.
        discovery_client: NI discovery client to ask when neither options nor environment name a
            logger. Use it in programs that have one.

    Raises:
        ServerUnavailableError: The logger is nowhere to be found; the message says what was found
            at each place.
        NotPermittedError: The state file, or a token file, is not this user's alone.
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
        nothing_at_discovery = error  # what somebody else has registered hides no logger of ours
    try:
        found = ConnectOptions.from_state_file(default_state_file(PROGRAM))
    except InvalidArgumentError as error:
        raise ServerUnavailableError(
            f"No logger was found. The target argument and {TARGET_VARIABLE} are empty. "
            f"{nothing_at_discovery} {error} Start one by `json-logger serve`, or name one."
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
            "NI discovery was not asked, as json-logger-client[ni] is not installed."
        ) from error
    name = DiscoveryName(DISCOVERY_INTERFACE, DISCOVERY_CLASS)
    return locate(name, options, discovery_client)


def _read_token(file: Path) -> str:
    try:
        return read_small(file).strip()
    except (OSError, ValueError) as error:
        raise NotPermittedError(f"The token file cannot be read: {error}") from error
