"""Write records to a log in the background: the program never waits, also if no server runs."""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from session_sharing import SessionSharingError
from session_sharing.client import (
    CallTimeoutError,
    ConnectOptions,
    InvalidArgumentError,
    LimitExceededError,
    ServerDrainingError,
    ServerUnavailableError,
    SessionExpiredError,
    SessionOptions,
)
from session_sharing.client.background import WAIT, Bell, Progress
from session_sharing.client.backoff import Backoff

from json_logger_client import leaving
from json_logger_client.client import JsonLoggerClient
from json_logger_client.locating import locate_logger
from json_logger_client.stream import LogStream

_NOT_REACHED = (CallTimeoutError, ServerDrainingError, ServerUnavailableError)
"""Errors after which the stream itself sends its records again."""
_MOST_UNDER_WAY = 1000
"""Records that are handed to the stream before it is flushed."""
_FOREVER = 3600.0
"""Seconds of a wait that only the bell ends."""
_TOLD_EVERY = 60.0
"""Seconds between two messages on standard error."""
_END_OF_CHILD = 1.0
"""Seconds for the remaining records at the end of a child process of `multiprocessing`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record that waits."""

    name: str
    configurations: dict[str, Any]
    outputs: dict[str, Any]
    timestamp: datetime
    size: int
    """Approximate bytes of the record."""


class BackgroundLog:
    """A log, and the thread that opens it, writes to it, and opens it again when it was lost.

    Threads of the program call the methods before `_run`. The background thread calls `_run` and
    the methods after it.

    A record stays in the queue until the server has acknowledged it. If too many bytes wait, new
    records are dropped. Standard error and the log then say how many.

    A forked child process begins with an empty queue, and opens the log by itself.
    """

    def __init__(
        self,
        file_path: str,
        connection: ConnectOptions | None,
        options: SessionOptions,
        most_bytes: int,
        describe_loss: Callable[[int], Entry],
    ) -> None:
        """Prepare the log. The first record opens it.

        Args:
            file_path: Name of the file, as for `JsonLoggerClient`.
            connection: How to reach the server; None to find it.
            options: How to open the session.
            most_bytes: Most bytes that may wait.
            describe_loss: Returns the record that says how many records were dropped.
        """
        self._file_path = file_path
        self._connection = connection
        self._options = options
        self._most_bytes = most_bytes
        self._describe_loss = describe_loss
        self._inherited: list[object] = []
        self._begin()

    def _begin(self) -> None:
        """Set the state of a process that has not logged yet."""
        self._pid = os.getpid()
        self._queue: deque[Entry] = deque()
        self._put_bytes = 0
        self._dropped = 0
        self._closing = False
        self._running = False
        self._thread = 0
        self._bell = Bell()
        self._changed = Progress()

        # Only the background thread changes these.
        self._under_way: list[Entry] = []
        """The oldest records, which the stream has."""
        self._taken_bytes = 0
        self._refused = 0
        self._singly = 0
        """Number of next records that are written one by one, because one of them is refused."""
        self._client: JsonLoggerClient | None = None
        self._stream: LogStream | None = None
        self._error: SessionSharingError | None = None
        """Why nothing can be written at the moment."""
        self._logged_losses = 0
        self._told_losses = 0
        self._tell_after = 0.0

    @property
    def dropped(self) -> int:
        """Number of records that this process dropped."""
        return self._dropped + self._refused

    @property
    def waiting(self) -> int:
        """Number of records that are not known to be in the file."""
        return len(self._queue) + len(self._under_way)

    @property
    def is_own_thread(self) -> bool:
        """Whether the running thread is the background thread."""
        return _thread.get_ident() == self._thread

    def put(self, entry: Entry) -> None:
        """Take a record, or drop it if too many bytes wait. This never waits."""
        if not self._is_here:
            # The end of these objects of the parent process would use gRPC.
            self._inherited += [self._client, self._stream]
            self._begin()
        waiting = self._put_bytes - self._taken_bytes if self.waiting else 0
        if self._closing or waiting + entry.size > self._most_bytes:
            self._dropped += 1
        else:
            self._put_bytes += entry.size
            self._queue.append(entry)
        if not self._running and not self._closing:
            self._start()
        self._bell.ring()

    def flush(self, seconds: float) -> bool:
        """Wait until all records are written; return False if that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while self._is_here and self.waiting and not self.is_own_thread:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._changed.wait(lambda: not self.waiting, left)
        return True

    def close(self, seconds: float) -> None:
        """Flush, and leave the session. Standard error says how many records were not written."""
        if not self._is_here or self._closing:
            return
        is_written = self.flush(seconds)
        self._closing = True
        self._bell.ring()
        deadline = time.monotonic() + seconds
        while is_written and self._running and time.monotonic() < deadline:
            self._changed.wait(lambda: not self._running, WAIT)
        self._tell(self.dropped + self.waiting)

    @property
    def _is_here(self) -> bool:
        return os.getpid() == self._pid

    def _start(self) -> None:
        """Start the thread. This is one call into C, which no signal handler interrupts."""
        self._running = True
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:  # the interpreter is ending, and starts no more threads
            self._running = False
            return
        leaving.at_end_of_child(lambda: self.flush(_END_OF_CHILD))

    def _run(self) -> None:
        self._thread = _thread.get_ident()
        backoff = Backoff()
        try:
            while not self._closing:
                if not self.waiting and self.dropped == self._logged_losses:
                    self._bell.wait(_FOREVER)
                    continue
                try:
                    self._write_some()
                except SessionSharingError as error:
                    self._recover(error)
                    time.sleep(backoff.next_pause())
                else:
                    self._error = None
                    backoff.reset()
                self._changed.announce()
                if time.monotonic() >= self._tell_after:
                    self._tell(self.dropped)
            self._leave()
        finally:
            self._running = False
            self._changed.announce()

    def _write_some(self) -> None:
        """Hand records to the stream, and wait until the server has acknowledged them.

        Raises:
            SessionSharingError: A record is not known to be in the file.
        """
        stream = self._stream or self._open()
        lost = self.dropped - self._logged_losses
        if lost:
            self._queue.append(self._describe_loss(lost))
            self._logged_losses += lost
        most = 1 if self._singly else _MOST_UNDER_WAY
        while self._queue and len(self._under_way) < most:
            entry = self._queue[0]
            stream.log(entry.name, entry.configurations, entry.outputs, entry.timestamp)
            self._under_way.append(entry)  # before it leaves the queue, so it is always counted
            self._queue.popleft()
        stream.flush()
        self._forget(len(self._under_way))

    def _open(self) -> LogStream:
        if self._client is None:
            self._client = JsonLoggerClient(
                self._file_path,
                connection=self._connection,
                options=self._options,
                reset_after_restart=True,
            )
        self._stream = self._client.stream()
        return self._stream

    def _forget(self, count: int) -> None:
        """Forget the oldest records, because they are in the file."""
        self._taken_bytes += sum(entry.size for entry in self._under_way[:count])
        self._singly = max(0, self._singly - count)
        del self._under_way[:count]

    def _recover(self, error: SessionSharingError) -> None:
        """Prepare the next try after an error."""
        self._error = error
        client, stream = self._client, self._stream
        if client is None or stream is None:
            return
        self._forget(max(0, len(self._under_way) - stream.unacknowledged))
        if isinstance(error, _NOT_REACHED):
            if self._has_moved(client):
                self._take_back(stream)
                client.connection.close()
                self._client = None
        elif isinstance(error, SessionExpiredError):
            with contextlib.suppress(SessionSharingError):
                client.reset()
        else:
            refused = self._take_back(stream)
            if _is_about_a_record(error):
                self._find_refused(refused)

    def _has_moved(self, client: JsonLoggerClient) -> bool:
        """Return whether another address is known for the server, as after its restart."""
        try:
            return locate_logger(self._connection).target != client.connection.options.target
        except SessionSharingError:
            return False

    def _take_back(self, stream: LogStream) -> int:
        """Take the records back from a stream, which will not be used any more.

        Returns:
            The number of these records.
        """
        self._stream = None
        count = len(self._under_way)
        self._queue.extendleft(reversed(self._under_way))
        self._under_way.clear()
        stream.abandon()
        return count

    def _find_refused(self, count: int) -> None:
        """Drop the oldest record if it was refused alone; otherwise write all `count` singly."""
        if self._singly or not count:
            self._taken_bytes += self._queue.popleft().size
            self._refused += 1
            self._singly = max(0, self._singly - 1)
        else:
            self._singly = count

    def _leave(self) -> None:
        if self._client is not None and not self.waiting:
            with contextlib.suppress(SessionSharingError):
                self._client.detach()

    def _tell(self, losses: int) -> None:
        """Say on standard error how many records are lost, if that is not known yet."""
        count, self._told_losses = losses - self._told_losses, max(losses, self._told_losses)
        if count <= 0 or sys.stderr is None:
            return
        self._tell_after = time.monotonic() + _TOLD_EVERY
        why = str(self._error or "They came faster than they could be written.")
        text = f"json-logger: {count} log records were not written to {self._file_path}. {why}\n"
        with contextlib.suppress(OSError, ValueError):  # it may be closed
            sys.stderr.write(text)


def _is_about_a_record(error: SessionSharingError) -> bool:
    """Return whether an error says that a record would never be written."""
    if isinstance(error, LimitExceededError):
        return error.details.get("limit") == "message_bytes"
    return isinstance(error, InvalidArgumentError)
