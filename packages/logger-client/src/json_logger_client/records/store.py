"""Read records from a store: a PostgreSQL to which the loggers of many stations copy."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from json_logger_proto.log_format import WaveformReference
from session_sharing import InvalidArgumentError, ResourceLostError, ResourceNotFoundError

from json_logger_client.records.extras import needed
from json_logger_client.records.filtering import RecordFilter, several
from json_logger_client.records.sources import Lines

if TYPE_CHECKING:
    from json_logger_proto.store import Connection, StoreAddress

_SCHEMES = ("postgresql://", "postgres://")
_CHUNK = 1024 * 1024

_ALL_FILES = """
select id, station, name, last_seq, first_seq - 1, coalesce(extract(epoch from stored)::float8, 0)
from json_logger.log
where (%(stations)s::text[] is null or station = any(%(stations)s))
order by station, name, series, first_seq
"""
# The name in the column is shortened, `at` is cut to the microsecond, and a parked record may have
# neither. So these conditions let some more records through than those that are wanted.
_LINES = """
select r.seq, coalesce(r.parked, convert_to(r.line::text, 'UTF8')),
    extract(epoch from r.stored)::float8
from json_logger.record r
where r.log = %(log)s and r.seq > %(after)s and r.seq <= %(last)s and (r.line is null or (
    (%(names)s::text[] is null or r.name = any(%(names)s))
    and (%(since)s::timestamptz is null or r.at is null or r.at >= %(since)s)
    and (%(until)s::timestamptz is null or r.at is null or r.at < %(until)s)
))
order by r.seq
"""
_SAMPLES = """
select string_agg(data, '' order by chunk) from json_logger.waveform
where log = %s and start = %s
"""
_LOGS = """
select distinct on (l.station, l.name) l.station, l.name, l.last_seq, l.stored, r.at
from json_logger.log l
left join json_logger.record r on r.log = l.id and r.seq = l.last_seq
order by l.station, l.name, l.stored desc nulls last, l.first_seq desc
"""
_STATIONS = "select distinct station from json_logger.log order by station"


class _File(NamedTuple):
    """One file of a log, as the store has it."""

    id: int
    station: str
    name: str
    last_seq: int
    before: int
    """Number before that of the first record."""
    stored: float
    """When its last record arrived, in seconds since 1970."""

    @property
    def log(self) -> str:
        return f"{self.station}/{self.name}"


class StoredLine(NamedTuple):
    """A line, and where it came from."""

    station: str
    line: bytes


class StoredLog(NamedTuple):
    """A log of a station, as far as the store has it."""

    station: str
    name: str
    last_seq: int
    """Number of the last record that the store has; 0 for none."""
    stored: datetime | None
    """When this record arrived; None for none."""
    measured: datetime | None
    """Time of the measurement of this record; None if it is not known."""


@dataclass(frozen=True, slots=True)
class StoredWaveforms:
    """The waveforms of one file of a log, as far as the store has them."""

    address: StoreAddress
    log: int
    """The id of the log in the store."""
    name: str
    """Station and name of the log."""

    def read(self, reference: WaveformReference) -> bytearray | None:
        """Return the bytes of the samples; None if the store does not have them.

        Raises:
            SessionSharingError: The store cannot be used.
        """
        with _connected(self.address) as connection:
            row = connection.execute(_SAMPLES, (self.log, reference.offset), binary=True).fetchone()
        return None if row is None or row[0] is None else bytearray(row[0])


def stored_logs(url: str, *, insecure: bool = False) -> list[StoredLog]:
    """Return the logs of all stations in a store, by station and name.

    Args:
        url: The store, such as postgresql://ROLE@HOST/DATABASE.
        insecure: Connect also if TLS does not prove which host answers.

    Raises:
        ImportError: psycopg is not installed.
        SessionSharingError: The store cannot be used.
    """
    needed("psycopg", "postgresql")
    from json_logger_proto.store import parse_address

    with _connected(parse_address(url, insecure=insecure)) as connection:
        return [StoredLog(*row) for row in connection.execute(_LOGS)]


def is_store(source: object) -> bool:
    """Return whether a reader's argument is the URL of a store."""
    return isinstance(source, str) and source.startswith(_SCHEMES)


class _Reader:
    """Reads the files of some stations in a store."""

    def __init__(
        self,
        url: str,
        chosen: RecordFilter,
        stations: str | Iterable[str] | None,
        *,
        insecure: bool,
    ) -> None:
        needed("psycopg", "postgresql")
        from json_logger_proto.store import fit_text, parse_address, short_name

        self.address = parse_address(url, insecure=insecure)
        self._stations = [*several(stations)] or None
        names = [fit_text(short_name(name)) for name in chosen.names]
        since = chosen.since and chosen.since - timedelta(microseconds=1)
        self._conditions = {"names": names or None, "since": since, "until": chosen.until}

    def connected(self) -> Any:
        """Connect for the block, in which nothing changes."""
        return _connected(self.address)

    def files(self, connection: Connection) -> list[_File]:
        """Return the files, in the order of station, log and first record.

        Raises:
            ResourceNotFoundError: The store has no log of these stations.
        """
        rows = connection.execute(_ALL_FILES, {"stations": self._stations})
        found = [_File(*row) for row in rows]
        if not found and self._stations:
            there = [row[0] for row in connection.execute(_STATIONS)]
            raise ResourceNotFoundError(
                f"The store {self.address.shown} has no log of {', '.join(self._stations)}. Its "
                f"stations are: {', '.join(there) or 'none yet'}."
            )
        return found

    def rows(self, connection: Connection, file: _File, after: int) -> Iterator[Any]:
        """Yield number, line and time of arrival of the records of a file after a number."""
        values = {**self._conditions, "log": file.id, "after": after, "last": file.last_seq}
        return connection.streamed(_LINES, values)


class StoreSource:
    """The records that a store has now. Records that arrive later are not read."""

    def __init__(
        self,
        url: str,
        chosen: RecordFilter | None = None,
        stations: str | Iterable[str] | None = None,
        *,
        insecure: bool = False,
    ) -> None:
        """Note the logs, and how many records each of them has.

        Args:
            url: The store: ``postgresql://ROLE@HOST/DATABASE``, without a password.
            chosen: Which records are wanted. The store leaves out many of the others; readers
                choose from the rest.
            stations: Only the logs of this station, or of these.
            insecure: Connect also if TLS does not prove which host answers.

        Raises:
            ImportError: psycopg is not installed.
            InvalidArgumentError: The URL has a password, or is not safe.
            SessionSharingError: The store cannot be used, or has no log of these stations.
        """
        self._reader = _Reader(url, chosen or RecordFilter(), stations, insecure=insecure)
        with self._reader.connected() as connection:
            self._files = self._reader.files(connection)
        self._count: int | None = None
        """Records in all, once they were read."""

    @property
    def size(self) -> int:
        """Number of bytes in all: 0, because to count them would take too long."""
        return 0

    @property
    def logs(self) -> int:
        """Number of logs."""
        return len({file.log for file in self._files})

    def lines(self) -> Iterator[Lines]:
        """Yield the lines, some at a time, in the order of station, log and number.

        Raises:
            ResourceLostError: Records were removed since they were read last.
            SessionSharingError: The store cannot be used.
        """
        number = 0
        with self._reader.connected() as connection:
            for file in self._files:
                for lines in self._lines_of(connection, file):
                    number += lines.data.count(b"\n")
                    yield lines
        if self._count not in (None, number):
            raise ResourceLostError("Records were removed from the store while it was read.")
        self._count = number

    def _lines_of(self, connection: Connection, file: _File) -> Iterator[Lines]:
        waveforms = StoredWaveforms(self._reader.address, file.id, file.log)
        lines: list[bytes] = []
        size = first = 0
        for seq, line, _ in self._reader.rows(connection, file, file.before):
            first = first or seq
            lines.append(line)
            size += len(line)
            if size >= _CHUNK:
                yield Lines(_joined(lines), file.log, "", first, waveforms)
                lines, size, first = [], 0, 0
        if lines:
            yield Lines(_joined(lines), file.log, "", first, waveforms)


class StoreTail:
    """The records that arrived last in a store, and those that arrive from now on."""

    def __init__(
        self,
        url: str,
        chosen: RecordFilter | None = None,
        stations: str | Iterable[str] | None = None,
        *,
        insecure: bool = False,
    ) -> None:
        """Prepare to read; the arguments are those of `StoreSource`."""
        self._chosen = chosen or RecordFilter()
        self._reader = _Reader(url, self._chosen, stations, insecure=insecure)
        self._seen: dict[int, int] = {}
        """Number of the last record that was read of each file, by its id."""

    def last(self, wanted: int) -> list[StoredLine]:
        """Return the chosen records that arrived last, in the order of their arrival.

        Raises:
            SessionSharingError: The store cannot be used.
        """
        turn = count()
        newest: list[tuple[float, int, StoredLine]] = []
        with self._reader.connected() as connection:
            files = self._reader.files(connection)
            self._seen.update((file.id, file.last_seq) for file in files)
            if self._chosen.is_empty or not wanted:  # then only the last records can be wanted
                files = heapq.nlargest(wanted, files, key=lambda file: file.stored)
            for file in files:
                first = file.last_seq - wanted if self._chosen.is_empty else file.before
                for _, line, stored in self._reader.rows(connection, file, first):
                    if self._chosen.accepts_line(line):
                        item = (stored, next(turn), StoredLine(file.station, line))
                        heapq.heappush(newest, item)
                        if len(newest) > wanted:
                            heapq.heappop(newest)
        return [line for _, _, line in sorted(newest)]

    def more(self) -> Iterator[StoredLine]:
        """Yield the chosen records that have arrived since.

        Raises:
            SessionSharingError: The store cannot be used.
        """
        with self._reader.connected() as connection:
            for file in self._reader.files(connection):
                after = self._seen.get(file.id, file.before)
                if file.last_seq > after:
                    for _, line, _ in self._reader.rows(connection, file, after):
                        if self._chosen.accepts_line(line):
                            yield StoredLine(file.station, line)
                self._seen[file.id] = file.last_seq


def refuse_stations(stations: object) -> None:
    """Refuse the choice of stations for a source that is no store.

    Raises:
        InvalidArgumentError: Stations were given.
    """
    if stations is not None:
        raise InvalidArgumentError(
            "Stations can be chosen only in a store, such as postgresql://reader@db/records. In a "
            "file, choose records by where={'station': ...}."
        )


@contextmanager
def _connected(address: StoreAddress) -> Iterator[Connection]:
    """Connect for the block: one transaction that changes nothing, and sees no later change."""
    from json_logger_proto.store import check_encoding, connect, store_errors

    with store_errors(address), closing(connect(address)) as connection:
        check_encoding(connection, address)
        connection.execute("begin isolation level repeatable read, read only")
        yield connection


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"
