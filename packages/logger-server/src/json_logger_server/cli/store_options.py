"""The options by which commands find a store."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from session_sharing.server import InvalidArgumentError

if TYPE_CHECKING:
    from json_logger_server.store import StoreOptions


def store_options(url: str, station: str | None, *, insecure: bool) -> StoreOptions:
    """Check the URL of a store, and name this station.

    Raises:
        InvalidArgumentError: psycopg is missing, or the URL has a password or is not safe.
    """
    try:
        from json_logger_server.store import StoreOptions, parse_address
    except ImportError as error:
        raise InvalidArgumentError(
            "A store needs psycopg. Install it: pip install 'json-logger-server[postgresql]'."
        ) from error
    address = parse_address(url, insecure=insecure)
    return StoreOptions(address, station or platform.node() or "station")
