"""Finds the logger: by argument, then by environment, then through NI discovery."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from json_logger_proto.names import DISCOVERY_CLASS, DISCOVERY_INTERFACE
from session_sharing.client import ConnectOptions, ServerUnavailableError
from session_sharing.core.errors import NotPermittedError

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient

TARGET_VARIABLE = "JSON_LOGGER_TARGET"
TOKEN_FILE_VARIABLE = "JSON_LOGGER_TOKEN_FILE"  # noqa: S105 - names a file, is no secret


def locate_logger(
    options: ConnectOptions | None = None, discovery_client: DiscoveryClient | None = None
) -> ConnectOptions:
    """Complete the options with target and token.

    Args:
        options: What is known; a target in it is final.
        discovery_client: NI discovery client to ask when neither options nor environment tell.

    Raises:
        ServerUnavailableError: The logger is nowhere to be found.
        NotPermittedError: Its token file cannot be read.
    """
    options = options or ConnectOptions()
    token_file = os.environ.get(TOKEN_FILE_VARIABLE, "")
    if token_file and not options.token:
        options = replace(options, token=_read_token(Path(token_file)))
    target = options.target or os.environ.get(TARGET_VARIABLE, "")
    if target:
        return replace(options, target=target)
    try:
        from session_sharing.ni import DiscoveryName, locate
    except ImportError as error:
        raise ServerUnavailableError(
            f"No logger was named. Set {TARGET_VARIABLE}, pass a target, or install "
            "json-logger-client[ni] to ask NI discovery."
        ) from error
    name = DiscoveryName(DISCOVERY_INTERFACE, DISCOVERY_CLASS)
    return locate(name, options, discovery_client)


def _read_token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotPermittedError(f"The token file cannot be read: {error}") from error
