"""Read the records of logs one after the other."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from json_logger_proto.log_files.lines import NEWLINE

from json_logger_client.records.errors import DamagedLogError
from json_logger_client.records.filtering import RecordFilter, make_filter
from json_logger_client.records.record import UNREADABLE, LogRecord, decode_many, decode_one
from json_logger_client.records.restoring import Restorer
from json_logger_client.records.sources import FileSource, Lines, Source, find_logs
from json_logger_client.records.store import StoreSource, is_store, refuse_stations

if TYPE_CHECKING:
    from json_logger_client.client import JsonLoggerClient

    LogSource: TypeAlias = (
        str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | JsonLoggerClient
    )
    """What readers read: a path, a pattern, several of these, the URL of a store, or an open
    session."""

Damaged = Literal["raise", "skip"]


def read_log(
    source: LogSource,
    *,
    name: str | Iterable[str] | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    writer: str | Iterable[str] | None = None,
    site: int | str | Iterable[int | str] | None = None,
    where: Mapping[str, Any] | Iterable[str] | None = None,
    arrays: bool = False,
    damaged: Damaged = "raise",
    station: str | Iterable[str] | None = None,
    store_insecure: bool = False,
) -> RecordReader:
    """Read the records that logs have now, one after the other. Memory stays small.

    A log may be written meanwhile; an incomplete record at its end is not read. The rotated files
    of a log are read before it. Example::

        for record in read_log("measurements.ndjson", name="leakage", where={"voltage": 3.3}):
            print(record.timestamp, record.measurement_outputs["current"])

    The texts "NaN", "Infinity" and "-Infinity" become numbers, times in UTC become datetimes, and
    references to waveforms become `Waveform` objects, at every depth. All other values are as JSON
    has them; an integer stays an integer.

    Args:
        source: The path of a log, a pattern such as ``logs/*.ndjson``, a list of these, or an open
            session, which reads by its server. Several logs are read one after the other.
            Or the URL of a store, ``postgresql://ROLE@HOST/DATABASE``, which has the logs of many
            stations; it needs the extra ``[postgresql]``.
        name: Name of the measurement, or several names.
        since: Earliest time: a datetime, or a text such as ``2026-01-31``, ``2026-01-31T12:00Z``,
            or ``2h`` for two hours ago. A time without a zone is local time.
        until: The time must be before this one.
        writer: A part of the writer's description, or several; one must occur in it.
        site: A site, or several. The record must have an element of one of them in its output
            ``measurement_sites``.
        where: Values that configurations, outputs or fields of the record must have, by key; or
            texts KEY=VALUE.
        arrays: Return lists of numbers as numpy arrays.
        damaged: What to do with a line that is not a record: "raise" an error, or "skip" and count
            it in `RecordReader.damaged`.
        station: In a store, only the logs of this station, or of these.
        store_insecure: Read a store on another host also if TLS does not prove which host answers.

    Returns:
        An iterator over the records.

    Raises:
        ResourceNotFoundError: There is no such log.
        NotAResourceError: A file is not a log, for example a compressed file.
        DamagedLogError: While iterating: a line is not a record.
        ImportError: The source is a store, and psycopg is not installed.
        SessionSharingError: A log cannot be read.
    """
    chosen = make_filter(name=name, since=since, until=until, writer=writer, site=site, where=where)
    opened = open_source(source, chosen, station, store_insecure=store_insecure)
    return RecordReader(opened, chosen, Restorer(arrays), damaged)


def open_source(
    source: LogSource,
    chosen: RecordFilter,
    station: str | Iterable[str] | None = None,
    *,
    store_insecure: bool = False,
) -> Source:
    """Return the lines that a reader's argument means.

    Args:
        source: See `read_log`.
        chosen: Which records are wanted. A store leaves out many of the others.
        station: In a store, only the logs of this station, or of these.
        store_insecure: See `read_log`.

    Raises:
        ImportError: The source is a store, and psycopg is not installed.
        SessionSharingError: A log does not exist, or cannot be read.
    """
    if is_store(source):
        return StoreSource(str(source), chosen, station, insecure=store_insecure)
    refuse_stations(station)
    from json_logger_client.client import JsonLoggerClient
    from json_logger_client.records.session import SessionSource

    if isinstance(source, JsonLoggerClient):
        return SessionSource(source)
    return FileSource(find_logs(source))


class RecordReader:
    """An iterator over the chosen records of logs; `read_log` returns it."""

    def __init__(
        self,
        source: Source,
        chosen: RecordFilter | None = None,
        restorer: Restorer | None = None,
        damaged: Damaged = "raise",
    ) -> None:
        """Read from the beginning of a source.

        Args:
            source: The lines.
            chosen: Which records to return; None for all.
            restorer: Restores the values; None to leave them as JSON has them.
            damaged: What to do with a line that is not a record.
        """
        self._source = source
        self._accepts = None if chosen is None or chosen.is_empty else chosen.accepts
        self._restorer = restorer
        self._skip = damaged == "skip"
        self.damaged = 0
        """Lines so far that are not records."""
        self.records = 0
        """Records so far, those that were not chosen included."""
        self.position = 0
        """Bytes read so far."""
        self.size = source.size
        """Bytes in all."""
        self._records: Generator[LogRecord, None, None] = self._read()

    def __iter__(self) -> Iterator[LogRecord]:
        return self

    def __next__(self) -> LogRecord:
        return next(self._records)

    def __enter__(self) -> RecordReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file that is being read. The end of the iteration does the same."""
        self._records.close()

    def decode(self, lines: Lines) -> list[LogRecord]:
        """Return the chosen records of some lines, with values as JSON has them.

        Raises:
            DamagedLogError: A line is not a record.
        """
        records = self._decode(lines)
        self.records += len(records)
        self.position += len(lines.data)
        return records if self._accepts is None else [*filter(self._accepts, records)]

    def _read(self) -> Generator[LogRecord, None, None]:
        for lines in self._source.lines():
            for record in self.decode(lines):
                record.__dict__.update(file=lines.file, log=lines.log, waveforms=lines.waveforms)
                if self._restorer is not None:
                    self._restorer.restore(record)
                yield record

    def _decode(self, lines: Lines) -> list[LogRecord]:
        try:
            with _no_collection():
                records = decode_many(lines.data)
            for record in records:
                record.be_in_utc()
        except UNREADABLE:
            return [*self._decode_each(lines)]
        return records

    def _decode_each(self, lines: Lines) -> Iterator[LogRecord]:
        """Decode lines of which at least one is not a record."""
        for number, line in enumerate(lines.data.split(NEWLINE), start=lines.first_line):
            if not line.strip():
                continue
            try:
                record = decode_one(line)
                record.be_in_utc()
            except UNREADABLE as error:
                if not self._skip:
                    raise _damaged(lines, number, error) from error
                self.damaged += 1
            else:
                yield record


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let Python's garbage collection wait: it would take more time than the decoding itself."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _damaged(lines: Lines, number: int, error: Exception) -> DamagedLogError:
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    place = f"{lines.file}, line {number}" if lines.file else f"A line of {lines.log}"
    return DamagedLogError(
        f"{place}, is not a record: {reason}. Look at the log by `json-logger verify`. To leave "
        'such lines out, use damaged="skip" in Python, or the option --skip-damaged of `export`.'
    )
