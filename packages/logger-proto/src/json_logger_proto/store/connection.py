"""Connect to a store, and raise the errors of psycopg as errors of a store."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import psycopg.waiting
from psycopg.abc import RV, PQGen

from json_logger_proto.store.address import StoreAddress
from json_logger_proto.store.errors import StoreAwayError, StoreError, StoreVersionError

_FETCH = 500
"""Rows of a large answer that libpq hands over at once. Older ones hand over single rows."""
_MISSING = ("3F000", "42883", "42P01")
_NOT_PERMITTED = "42501"


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that can stop waiting for an answer that was lost."""

    patience = math.inf
    """Seconds for the next answer."""

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        """Wait for the end of an operation; its generator is woken several times a second."""
        return super().wait(_within(gen, self.patience), *args, **kwargs)

    def streamed(self, query: str, values: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a large answer as they come, so that memory stays small."""
        size = _FETCH if psycopg.capabilities.has_stream_chunked() else 1
        with self.cursor() as cursor:
            yield from cursor.stream(query.encode(), values, binary=True, size=size)


def _within(operation: PQGen[RV], seconds: float) -> PQGen[RV]:
    end = time.monotonic() + seconds
    try:
        wanted = next(operation)
        while True:
            ready = yield wanted
            if ready == psycopg.waiting.Ready.NONE and time.monotonic() > end:
                raise psycopg.OperationalError(f"there was no answer within {seconds:.0f} s")
            wanted = operation.send(ready)
    except StopIteration as done:
        result: RV = done.value
        return result


def connect(address: StoreAddress) -> Connection:
    """Connect; each statement is a transaction, and no statement stays prepared."""
    return Connection.connect(address.conninfo, autocommit=True, prepare_threshold=None)


def check_encoding(connection: psycopg.Connection[Any], address: StoreAddress) -> None:
    """Check that a database keeps text in UTF-8.

    Raises:
        StoreVersionError: It uses another encoding.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreVersionError(
            f"The database {address.shown} uses the encoding {encoding}, which cannot hold every "
            "text. Create a database with encoding 'UTF8'."
        )


@contextlib.contextmanager
def store_errors(
    address: StoreAddress, meaning: Callable[[psycopg.Error], StoreError | None] | None = None
) -> Iterator[None]:
    """Raise the errors of psycopg as errors of a store.

    Args:
        address: The store.
        meaning: Returns the meaning of an error that only the caller knows; None for other errors.
    """
    try:
        yield
    except psycopg.Error as error:
        known = meaning(error) if meaning is not None else None
        raise known or _general_meaning(error, address) from error


def _general_meaning(error: psycopg.Error, address: StoreAddress) -> StoreError:
    said = " ".join(str(error).split())
    if error.sqlstate in _MISSING:
        return StoreVersionError(
            f"The database {address.shown} is not a store, or an old one: {said}. Run "
            "`json-logger store init` there."
        )
    if error.sqlstate == _NOT_PERMITTED:
        return StoreAwayError(
            f"The store {address.shown} does not allow this to the role: {said}. An administrator "
            "gives a station its rights by `json-logger store init --station-role ROLE`, and a "
            "reader by `grant json_logger_reader to ROLE` in psql."
        )
    return StoreAwayError(f"The store {address.shown} cannot be used: {said}")
