"""Find the logger: by argument, environment variable, NI discovery, or state file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from json_logger_proto.names import (
    DISCOVERY_CLASS,
    DISCOVERY_INTERFACE,
    PROGRAM,
    TARGET_VARIABLE,
    TOKEN_FILE_VARIABLE,
)
from session_sharing.client import ConnectOptions
from session_sharing.finding import ServerNames, find_server

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient

LOGGER = ServerNames(
    what="logger",
    program=PROGRAM,
    target_variable=TARGET_VARIABLE,
    token_file_variable=TOKEN_FILE_VARIABLE,
    discovery_interface=DISCOVERY_INTERFACE,
    discovery_class=DISCOVERY_CLASS,
    ni_extra="json-logger-client[ni]",
)


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
    return find_server(LOGGER, options, discovery_client)
