"""The statements by which a program uses a store. Each is one transaction on the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from json_logger_proto.store import (
    StoreAddress,
    StoreError,
    StoreVersionError,
    check_encoding,
    connect,
    store_errors,
)

from json_logger_server.store.blocks import Block
from json_logger_server.store.errors import (
    LineRefusedError,
    LogMovedError,
    LogRefusedError,
)
from json_logger_server.store.waveforms import Piece

OLDEST_VERSION = 2
"""Version of the schema that this program needs; newer ones keep its functions."""

_REFUSED_LINES = ("22", "54")
"""Classes of errors that depend on the data alone: bad data, and limits of the program."""
_REFUSED_LOGS = {"SS001": "Another program has taken the log over", "SS003": "The log is not yours"}
_MOVED = "SS002"
_PATIENCE = 30.0
"""Seconds to wait for an answer; more for a large block."""
_SLOWEST = 50_000
"""Bytes a second of the slowest network."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log as the store has it."""

    id: int
    generation: int
    last_seq: int
    """Number of the last record that the store has."""
    last_sha256: bytes | None
    """Digest of its line; None for a log without records."""


class Statements:
    """The statements of one connection; nothing is state of the session. Not thread-safe."""

    def __init__(self, address: StoreAddress, patience: float = _PATIENCE) -> None:
        """Connect.

        Args:
            address: The store.
            patience: Seconds to wait for an answer, besides the time to send a large block.

        Raises:
            StoreAwayError: The store does not answer, or does not let this role in.
            StoreVersionError: It is not initialised, or too old.
        """
        self._address = address
        self._patience = patience
        with _errors(address):
            self._connection = connect(address)
        try:
            with _errors(address), self._patient(0):
                check_encoding(self._connection, address)
                self.version = int(self._one("select json_logger.version()", ())[0])
            if self.version < OLDEST_VERSION:
                raise StoreVersionError(
                    f"The store {address.shown} is too old. Run `json-logger store init` there."
                )
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def open_log(self, uid: UUID, station: str, name: str, first_seq: int) -> StoredLog:
        """Find a log, or begin it.

        Raises:
            LogRefusedError: The log belongs to another role.
            StoreAwayError: The store cannot be used now.
        """
        with _errors(self._address):
            row = self._one(
                "select * from json_logger.open_log(%s, %s::text, %s::text, %s::bigint)",
                (uid, station, name, first_seq),
            )
        return StoredLog(*row)

    def replicate(self, log: StoredLog, prev_seq: int, block: Block) -> None:
        """Add a block of records after the record `prev_seq`.

        Raises:
            LineRefusedError: The store refuses a line of the block; nothing was added.
            LogMovedError: The last record of the log is another one.
            LogRefusedError: Another program has taken the log over, or it belongs to another role.
            StoreAwayError: The store cannot be used now. Whether it added the records is unknown.
        """
        with _errors(self._address), self._patient(len(block.lines)):
            self._one(
                "select json_logger.replicate(%s::bigint, %s::bigint, %s::bigint, %s::int, "
                "%s::text, %s::text)",
                (
                    log.id,
                    log.generation,
                    prev_seq,
                    block.count,
                    _text(block.heads),
                    _text(block.lines),
                ),
            )

    def store_waveforms(self, log: StoredLog, pieces: Sequence[Piece]) -> None:
        """Store some chunks of waveforms of a log.

        Raises:
            StoreError: As `replicate`.
        """
        size = sum(len(piece.data) for piece in pieces)
        with _errors(self._address), self._patient(size):
            self._one(
                "select json_logger.store_waveforms(%s::bigint, %s::bigint, %s::bigint[], "
                "%s::int[], %b::bytea[])",
                (
                    log.id,
                    log.generation,
                    [piece.start for piece in pieces],
                    [piece.chunk for piece in pieces],
                    [piece.data for piece in pieces],
                ),
            )

    def park(self, log: StoredLog, prev_seq: int, block: Block, refusal: str) -> None:
        """Add the only record of a block as bytes, because the store refuses its line.

        Raises:
            StoreError: As `replicate`.
        """
        with _errors(self._address), self._patient(len(block.lines)):
            self._one(
                "select json_logger.park(%s::bigint, %s::bigint, %s::bigint, %s::text, "
                "%s::bytea, %s::text)",
                (log.id, log.generation, prev_seq, _text(block.heads), block.lines, refusal),
            )

    def close_log(self, log: StoredLog, last_seq: int) -> None:
        """Note that a log is closed, if `last_seq` is its last record in the store."""
        with _errors(self._address):
            self._one("select json_logger.close_log(%s::bigint, %s::bigint)", (log.id, last_seq))

    def digest(self, log: int, first_seq: int, last_seq: int) -> tuple[int, bytes | None]:
        """Return the number of records in a range, and the digest of their lines."""
        with _errors(self._address):
            row = self._one(
                "select * from json_logger.digest(%s::bigint, %s::bigint, %s::bigint)",
                (log, first_seq, last_seq),
            )
        return row[0], row[1]

    def waveform_digests(self, log: int, starts: Sequence[int]) -> dict[int, bytes]:
        """Return the digests of the waveforms that the store has, by their start."""
        with _errors(self._address):
            cursor = self._connection.execute(
                "select * from json_logger.waveform_digests(%s::bigint, %s::bigint[])",
                (log, [*starts]),
            )
            return {start: bytes(digest) for start, digest in cursor}

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, by the names of its columns."""
        with _errors(self._address):
            cursor = self._connection.execute(query.encode())
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def prune(self, older_than_days: float, rows: int) -> int | None:
        """Remove some records of a log that was closed long ago; None if there is none left."""
        with _errors(self._address):
            removed = self._one(
                "select json_logger.prune(clock_timestamp() - %s * interval '1 day', %s::int)",
                (older_than_days, rows),
            )[0]
        return None if removed is None else int(removed)

    @contextlib.contextmanager
    def _patient(self, size: int) -> Iterator[None]:
        """Wait longer during the block, because so many bytes must be sent."""
        self._connection.patience = self._patience + size / _SLOWEST
        try:
            yield
        finally:
            self._connection.patience = self._patience

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...]:
        row = self._connection.execute(query.encode(), values).fetchone()
        if row is None:
            raise StoreError(f"The store {self._address.shown} gave no answer to {query!r}.")
        return row


def _errors(address: StoreAddress) -> contextlib.AbstractContextManager[None]:
    """Raise the errors of psycopg as errors of a store."""
    return store_errors(address, _meaning)


def _meaning(error: psycopg.Error) -> StoreError | None:
    """Return the meaning of an error that concerns one line or one log."""
    state = error.sqlstate or ""
    said = " ".join(str(error).split())
    if state[:2] in _REFUSED_LINES or (not state and isinstance(error, psycopg.DataError)):
        return LineRefusedError(said)
    if state == _MOVED:
        return LogMovedError(said)
    if state in _REFUSED_LOGS:
        return LogRefusedError(f"{_REFUSED_LOGS[state]}: {said}.")
    return None


def _text(data: bytes) -> str:
    """Return bytes as text.

    Raises:
        LineRefusedError: They are not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise LineRefusedError(f"it is not UTF-8: {error.reason} at byte {error.start}") from error
