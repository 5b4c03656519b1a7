"""What every program needs that uses a store: its address, a connection, and errors.

It needs psycopg: `pip install 'json-logger-proto[postgresql]'`. Import it only where there is a
store.
"""

from json_logger_proto.store.address import StoreAddress, parse_address
from json_logger_proto.store.connection import Connection, check_encoding, connect, store_errors
from json_logger_proto.store.errors import StoreAwayError, StoreError, StoreVersionError
from json_logger_proto.store.texts import fit_text, short_name

__all__ = [
    "Connection",
    "StoreAddress",
    "StoreAwayError",
    "StoreError",
    "StoreVersionError",
    "check_encoding",
    "connect",
    "fit_text",
    "parse_address",
    "short_name",
    "store_errors",
]
