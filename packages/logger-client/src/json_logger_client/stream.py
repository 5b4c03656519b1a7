"""A stream of records to one log: batches are made, sent, acknowledged and sent again by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from session_sharing.client import CallTimeoutError, ServerUnavailableError, SharedSession
from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import ServerRestartedError, from_rpc_error
from session_sharing.core.errors import (
    InvalidArgumentError,
    ServerDrainingError,
    SessionExpiredError,
    SessionSharingError,
)

from json_logger_client.encoding import encode_record
from json_logger_client.write_order import WriteOrder

if TYPE_CHECKING:
    from typing_extensions import Self

AppendStream = Callable[[Iterator[pb.AppendRequest]], Any]
"""The stub's method: takes requests, gives a call that iterates over responses."""
_TRANSIENT = (ServerUnavailableError, ServerDrainingError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """When a batch is sent and how much may be under way."""

    max_batch_records: int = 1000
    """Records after which a batch is sent."""
    max_batch_bytes: int = 256 * 1024
    """Bytes after which a batch is sent; a larger record goes alone."""
    max_delay: float = 0.05
    """Seconds after which a batch is sent however small it is."""
    max_unacknowledged_bytes: int = 16 * 1024 * 1024
    """Bytes that wait for their acknowledgement; `log` blocks until it would stay below, or until
    nothing else waits."""


class LogStream:
    """Records on their way into one log, in their order. Thread-safe.

    A broken connection is mended within the session's timeout, and what was not acknowledged is
    sent again; its numbers keep it from being written twice.
    """

    def __init__(
        self,
        session: SharedSession,
        append_stream: AppendStream,
        order: WriteOrder,
        options: StreamOptions | None = None,
    ) -> None:
        """Prepare; the connection's stream is opened with the first record.

        Args:
            session: The open session of the log.
            append_stream: The stub's method.
            order: Gives records their numbers.
            options: When a batch is sent and how much may be under way.
        """
        self._session = session
        self._append_stream = append_stream
        self._order = order
        self._options = options or StreamOptions()
        self._patience = session.connection.options.timeout
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._lines_bytes = 0
        self._lines_since = 0.0
        self._batches: deque[pb.AppendRequest] = deque()
        self._batches_bytes = 0
        self._sent = 0
        """Batches at the head of the queue that the present call has taken."""
        self._call = 0
        self._flushing = False
        self._closing = False
        self._error: SessionSharingError | None = None
        self._progress = 0.0
        self._thread: threading.Thread | None = None
        self._answers: grpc.Call | None = None

    @property
    def unacknowledged(self) -> int:
        """Count the records that are not known to be in the file."""
        with self._changed:
            return len(self._lines) + sum(batch.count for batch in self._batches)

    def log(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
    ) -> None:
        """Take one record; it is on its way when this returns, and safe after `flush`.

        Blocks while too much is unacknowledged.

        Raises:
            InvalidArgumentError: A value has no JSON form, or the stream is closed.
            SessionSharingError: An earlier record could not be written.
        """
        line = encode_record(
            measurement_name, measurement_configurations, measurement_outputs, timestamp
        )
        with self._changed:
            self._start()
            self._wait_until(lambda: self._has_room(len(line)))
            if not self._lines:
                self._lines_since = time.monotonic()
            self._lines.append(line)
            self._lines_bytes += len(line) + 1
            if self._is_full():
                self._make_batch()
            if len(self._lines) < 2:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until every record is as safe as the server's durability says.

        Raises:
            CallTimeoutError: The server acknowledged nothing for the session's timeout; the
                records are kept, and are still being sent.
            SessionSharingError: A record could not be written; neither were those after it.
        """
        with self._changed:
            if self._lines:
                self._flushing = True
                self._changed.notify_all()
            self._wait_until(lambda: not self._lines and not self._batches)

    def close(self) -> None:
        """Flush and end the stream; the session stays open.

        Raises:
            SessionSharingError: As `flush`.
        """
        if self._closing:
            return
        try:
            self.flush()
        except SessionSharingError as error:
            self._fail(error)
            raise
        finally:
            self._stop()

    def resume(self) -> None:
        """Send what is unacknowledged to a session that was reset; called by the session."""
        with self._changed:
            if isinstance(self._error, SessionExpiredError) and not self._closing:
                self._error, self._thread = None, None
                self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except SessionSharingError as closing_error:
            if error is None:
                raise
            # What happened inside the block comes first.
            _log.warning("%d records were not written: %s", self.unacknowledged, closing_error)

    def _start(self) -> None:
        if self._closing:
            raise InvalidArgumentError("The stream is closed.")
        if self._error is not None:
            raise self._error
        if self._thread is None:
            self._progress = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="log-stream", daemon=True)
            self._thread.start()

    def _stop(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._error is not None and self._answers is not None:
                self._answers.cancel()
        if self._thread is not None:
            self._thread.join(timeout=self._patience)

    def _wait_until(self, done: Callable[[], bool]) -> None:
        """Wait with the lock held; give up when nothing moves for longer than the patience."""
        started = time.monotonic()
        while not done():
            if self._error is not None:
                raise self._error
            left = max(started, self._progress) + self._patience - time.monotonic()
            if left <= 0:
                raise CallTimeoutError(
                    f"The server acknowledged nothing for {self._patience:g} s; "
                    f"{len(self._batches)} batches wait."
                )
            self._changed.wait(left)
        if self._error is not None:
            raise self._error

    def _has_room(self, more: int) -> bool:
        waiting = self._batches_bytes + self._lines_bytes
        return not waiting or waiting + more <= self._options.max_unacknowledged_bytes

    def _is_full(self) -> bool:
        options = self._options
        return (
            len(self._lines) >= options.max_batch_records
            or self._lines_bytes >= options.max_batch_bytes
        )

    def _run(self) -> None:
        """Keep a call open while there is something to send, until the stream ends or fails."""
        backoff = Backoff()
        broken_since = 0.0
        while self._wait_for_work() and self._error is None:
            acknowledged = self._progress
            error = self._one_call()
            if self._progress > acknowledged:
                backoff.reset()
                broken_since = 0.0
            if error is None:
                continue
            broken_since = broken_since or time.monotonic()
            hopeless = time.monotonic() - broken_since > self._patience
            if not isinstance(error, _TRANSIENT) or hopeless:
                self._fail(error)
                return
            time.sleep(backoff.next_pause())

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not self._lines and not self._batches:
                if self._closing:
                    return False
                self._changed.wait()
            return True

    def _one_call(self) -> SessionSharingError | None:
        """Send and take acknowledgements until the call ends.

        Returns:
            Why it broke; None when it ended as it should.
        """
        with self._changed:
            self._call += 1
            self._sent = 0
            requests = self._requests(self._call)
        try:
            self._answers = answers = self._append_stream(requests)
            for answer in answers:
                self._acknowledge(answer)
        except grpc.RpcError as rpc_error:
            return self._explain(rpc_error)
        finally:
            with self._changed:
                self._call += 1  # its requests end, whatever they wait for
                self._changed.notify_all()
        return ServerUnavailableError("The server ended the stream.") if self._batches else None

    def _requests(self, call: int) -> Iterator[pb.AppendRequest]:
        while (request := self._next_request(call)) is not None:
            yield request

    def _next_request(self, call: int) -> pb.AppendRequest | None:
        """Wait for the next batch of a call; None when the call is over."""
        with self._changed:
            while call == self._call:
                if self._sent < len(self._batches):
                    request = self._batches[self._sent]
                    request.attachment = self._session.attachment
                    self._sent += 1
                    return request
                due = self._due_in()
                if due is not None and due <= 0:
                    self._make_batch()
                elif self._closing and due is None:
                    return None
                else:
                    self._changed.wait(due)
            return None

    def _due_in(self) -> float | None:
        """Seconds until the records at hand are sent; None when there are none."""
        if not self._lines:
            return None
        if self._flushing or self._closing:
            return 0.0
        return self._lines_since + self._options.max_delay - time.monotonic()

    def _make_batch(self) -> None:
        lines, self._lines, self._lines_bytes = self._lines, [], 0
        self._flushing = False
        first = self._order.take(len(lines))
        ndjson = lines[0] if len(lines) == 1 else b"\n".join(lines)
        self._batches_bytes += len(ndjson)
        self._batches.append(
            pb.AppendRequest(first_client_seq=first, count=len(lines), ndjson=ndjson)
        )

    def _acknowledge(self, answer: pb.AppendResponse) -> None:
        with self._changed:
            while self._batches and self._batches[0].first_client_seq <= answer.client_seq:
                self._batches_bytes -= len(self._batches.popleft().ndjson)
                self._sent -= 1
            self._progress = time.monotonic()
            self._changed.notify_all()

    def _explain(self, rpc_error: grpc.RpcError) -> SessionSharingError:
        error = from_rpc_error(rpc_error)
        epoch = error.details.get("epoch")
        if isinstance(error, SessionExpiredError) and epoch not in (None, self._session.epoch):
            return ServerRestartedError("The server was restarted; reset() opens anew.")
        return error

    def _fail(self, error: SessionSharingError) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()
