"""Read one log for all browsers: its history from disk, and what comes by one `Tail`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from json_logger_client.records import DiskTail, Lines, LogRecord, RecordReader
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.log_files.lines import numbers_of as line_numbers
from session_sharing.client import CALL_ERRORS, Connection, SessionSharingError
from session_sharing.v1 import lifecycle_pb2

from measurement_console.sources import fields
from measurement_console.sources.fields import Field
from measurement_console.sources.local_lines import LocalLines
from measurement_console.sources.series import Point, Series
from measurement_console.sources.session_server import SessionServer
from measurement_console.sources.worker import Worker

_PAUSE = 0.3
_PACE = 95
"""Milliseconds between two answers of the logger, so that browsers cost it little."""
_MOST_RECENT = 1000
_MOST_NAMES = 500
_MOST_FIELDS = 300
_MOST_SHAPES = 50
"""Different sets of outputs of a measurement whose fields are looked at."""
_IDLE = 60.0
"""Seconds after which a series that nobody shows is forgotten."""
_RATE_SECONDS = 2.0


@dataclass(slots=True)
class Measurement:
    """What the records of one name have."""

    name: str
    count: int = 0
    fields: dict[str, None] = field(default_factory=dict)
    """Names of the numbers, in the order in which they appeared."""
    waveforms: dict[str, None] = field(default_factory=dict)
    """Names of the outputs that are waveforms."""
    shapes: set[tuple[str, ...]] = field(default_factory=set)

    def learn(self, record: LogRecord) -> None:
        """Note the fields of a record with outputs that were not seen before."""
        shape = tuple(record.measurement_outputs)
        if shape in self.shapes or len(self.shapes) >= _MOST_SHAPES:
            return
        self.shapes.add(shape)
        for name in fields.numbers_of(record):
            if len(self.fields) < _MOST_FIELDS:
                self.fields.setdefault(name)
        for name in fields.waveforms_of(record):
            self.waveforms.setdefault(name)


class LiveSeries:
    """A series, and how far its history has been read."""

    def __init__(self, name: str, field_name: str) -> None:
        """Begin without a point.

        Args:
            name: Name of the measurement.
            field_name: Name of the number in its records.
        """
        self.name = name
        self.field = Field(field_name)
        self.series = Series()
        self.waiting: list[Point] | None = None
        """New points that wait until the history has been read; None after that."""
        self.used = time.monotonic()

    def take(self, record: LogRecord) -> None:
        """Add the value of a record."""
        value = self.field.value(record)
        if value is None:
            return
        limits = self.field.limits(record)
        if limits is not None:
            self.series.limits = limits
        point = Point(record.seq or 0, record.timestamp.timestamp(), value)
        if self.waiting is not None:
            self.waiting.append(point)
        else:
            self.series.add(point)

    def begin_again(self) -> None:
        """Forget all points: another log has begun."""
        self.series = Series(self.series.count + 1)
        self.waiting = None

    def end_history(self, history: Series) -> None:
        """Put the history before the points that waited for it."""
        if self.waiting is None:
            return
        history.limits = self.series.limits if self.waiting else history.limits
        self.series, waiting, self.waiting = history, self.waiting, None
        for point in waiting:
            self.series.add(point)


class LogReader:
    """Reads one log. Its lock guards everything that other threads read."""

    def __init__(self, path: str, server: SessionServer, changed: Callable[[], None]) -> None:
        """Prepare to read a log.

        Args:
            path: Absolute path of the log on the logger's host.
            server: The logger.
            changed: Called when there are new records, in the reader's thread.
        """
        self.path = path
        self.lock = threading.RLock()
        self.measurements: dict[str, Measurement] = {}
        self.recent: deque[LogRecord] = deque(maxlen=_MOST_RECENT)
        """The last records, the newest last."""
        self.next_seq = 1
        """Number of the record that comes next."""
        self.last_seq = 0
        """Number of the last record of the log, as far as it is known."""
        self.state = "looking for the log"
        self.used = time.monotonic()
        self._server = server
        self._changed = changed
        self._series: dict[tuple[str, str], LiveSeries] = {}
        self._counted = (time.monotonic(), 0)
        self._rate = 0.0
        self._call: grpc.Call | None = None
        self._local: LocalLines | None = None
        """The file, while it is read; None for a log on another host."""
        self._worker = Worker(f"read {Path(path).name}", self._read, _PAUSE)

    def start(self) -> None:
        """Begin to read."""
        self._worker.start()

    def stop(self) -> None:
        """End. This does not wait for the thread."""
        self._worker.stop()
        call = self._call
        if call is not None:
            call.cancel()

    @property
    def rate(self) -> float:
        """Records in a second, over the last seconds."""
        is_fresh = time.monotonic() - self._counted[0] < 2 * _RATE_SECONDS
        return self._rate if is_fresh else 0.0

    def series(self, name: str, field_name: str) -> LiveSeries:
        """Return the series of a number. A new one gets its history in the background."""
        with self.lock:
            found = self._series.get((name, field_name))
            if found is None:
                found = LiveSeries(name, field_name)
                self._series[name, field_name] = found
                if self.next_seq > 1:
                    self._begin_history(found, self.next_seq)
            found.used = time.monotonic()
            return found

    def _read(self) -> None:
        """Read what is new, until the log is closed or its server goes."""
        session, connection = self._find_session()
        if session is None or connection is None:
            self._read_closed()
            return
        last = int(session.details.get("last_seq") or 0)
        if last < self.next_seq - 1:
            self._reset()
        self.last_seq = last
        if self._is_local:
            self._take_from_disk(last)
        self._set_state("open")
        self._follow(connection, session.name)

    def _find_session(self) -> tuple[lifecycle_pb2.SessionInfo | None, Connection | None]:
        """Return the open session of the log, as its server says now."""
        connection = self._server.connection
        if connection is None:
            return None, None
        request = lifecycle_pb2.ListSessionsRequest()
        try:
            answer = connection.call(connection.lifecycle.ListSessions, request)
        except SessionSharingError:
            return None, None
        for session in answer.sessions:
            if session.details.get("path") == self.path:
                return session, connection
        return None, connection

    def _read_closed(self) -> None:
        """Read a log that is not open, if its file is on this host."""
        is_there = self._server.connection is not None
        state = "not open" if is_there else "not open, because the logger is not there"
        if self._is_local:
            with DiskTail(Path(self.path)) as tail:
                lines = tail.last(1)
            last = line_numbers(lines[0]).seq if lines else 0
            if last < self.next_seq - 1:
                self._reset()
            self.last_seq = last
            self._take_from_disk(last)
        self._set_state(state)

    def _take_from_disk(self, last: int) -> None:
        """Read the records of the file up to a number. The server need not read them."""
        if self._local is None:
            self._local = LocalLines(Path(self.path), self.next_seq)
        for data in self._local.up_to(last):
            self._take(data)
            if self._worker.is_stopped:
                return

    def _follow(self, connection: Connection, session: str) -> None:
        """Take new records until the log is closed, or its server goes.

        The server of a log on this host says only which records are acknowledged.
        """
        is_local = self._is_local
        for answer in self._tail(connection, session, self.next_seq, follow=True, numbers=is_local):
            if is_local:
                self._take_from_disk(answer.next_seq - 1)
            elif answer.ndjson:
                self._take(answer.ndjson)

    @property
    def _is_local(self) -> bool:
        return self._server.is_on_this_host and Path(self.path).is_file()

    def _tail(
        self,
        connection: Connection,
        session: str,
        first: int,
        *,
        follow: bool,
        numbers: bool = False,
    ) -> Iterator[pb.TailResponse]:
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
        request = pb.TailRequest(
            session_name=session,
            from_seq=first,
            follow=follow,
            pace_ms=_PACE if follow else 0,
            only_numbers=numbers,
        )
        try:
            call = stub.Tail(request)
            if follow:
                self._call = call
                if self._worker.is_stopped:
                    return
            yield from call
        except CALL_ERRORS:
            return  # the next look finds out what has happened

    def _take(self, data: bytes) -> None:
        records = _decode(data, self.path)
        with self.lock:
            for record in records:
                if record.seq is None or record.seq < self.next_seq:
                    continue
                self.next_seq = record.seq + 1
                self.recent.append(record)
                self._note(record)
            self.last_seq = max(self.last_seq, self.next_seq - 1)
            self._count()
        self._changed()

    def _note(self, record: LogRecord) -> None:
        name = record.measurement_name
        measurement = self.measurements.get(name)
        if measurement is None:
            if len(self.measurements) >= _MOST_NAMES:
                return
            measurement = self.measurements[name] = Measurement(name)
        measurement.count += 1
        measurement.learn(record)
        for live in self._series.values():
            if live.name == name:
                live.take(record)

    def _count(self) -> None:
        now = time.monotonic()
        begun, seq = self._counted
        if now - begun >= _RATE_SECONDS:
            self._rate = (self.next_seq - seq) / (now - begun) if seq else 0.0
            self._counted = (now, self.next_seq)
            self._forget_series()

    def _begin_history(self, live: LiveSeries, before: int) -> None:
        live.waiting = []
        thread = threading.Thread(
            target=self._read_history, args=(live, before), name="history", daemon=True
        )
        thread.start()

    def _read_history(self, live: LiveSeries, before: int) -> None:
        """Read the records before a number for a new series, then add those that waited."""
        session, connection = self._find_session()
        chunks: Iterator[bytes] = iter(())
        if self._is_local:
            chunks = LocalLines(Path(self.path), 1).up_to(before - 1)
        elif session is not None and connection is not None:
            answers = self._tail(connection, session.name, 1, follow=False)
            chunks = (answer.ndjson for answer in answers)
        history = LiveSeries(live.name, "")
        history.field = live.field
        for data in chunks:
            for record in _decode(data, self.path):
                if record.seq and record.seq < before and record.measurement_name == live.name:
                    history.take(record)
            if self._worker.is_stopped:
                return
        with self.lock:
            live.end_history(history.series)
        self._changed()

    def _reset(self) -> None:
        """Begin again: another log has this path now."""
        if self._local is not None:
            self._local.close()
            self._local = None
        with self.lock:
            self.next_seq = 1
            self.measurements.clear()
            self.recent.clear()
            for live in self._series.values():
                live.begin_again()
        self._changed()

    def _forget_series(self) -> None:
        for key, live in list(self._series.items()):
            if time.monotonic() - live.used > _IDLE:
                del self._series[key]

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._changed()


class _NoSource:
    """Lines come from elsewhere."""

    size = 0
    logs = 1

    def lines(self) -> Iterator[Lines]:
        """Yield nothing."""
        return iter(())


def _decode(data: bytes, path: str) -> list[LogRecord]:
    """Return the records of some lines; lines that are no records are left out."""
    reader = RecordReader(_NoSource(), damaged="skip")
    return reader.decode(Lines(data, path, path, 1))
