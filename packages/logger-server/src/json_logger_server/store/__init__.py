"""Copy logs into a PostgreSQL that many stations share; the files on the station stay the truth.

It needs psycopg: `pip install 'json-logger-server[postgresql]'`. Import it only for a server that
has a store.
"""

from json_logger_proto.store import (
    StoreAddress,
    StoreAwayError,
    StoreError,
    StoreVersionError,
    parse_address,
)

from json_logger_server.store.errors import LineRefusedError, LogMovedError, LogRefusedError
from json_logger_server.store.forwarding import Figures, Forwarder, StoreOptions

__all__ = [
    "Figures",
    "Forwarder",
    "LineRefusedError",
    "LogMovedError",
    "LogRefusedError",
    "StoreAddress",
    "StoreAwayError",
    "StoreError",
    "StoreOptions",
    "StoreVersionError",
    "parse_address",
]
