"""A stream of records to one log: batches are made, sent, acknowledged and sent again by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
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
from json_logger_client.outbox import Outbox, StreamOptions
from json_logger_client.write_order import WriteOrder

if TYPE_CHECKING:
    from typing_extensions import Self

AppendStream = Callable[[Iterator[pb.AppendRequest]], Any]
"""The stub's method: takes requests, gives a call that iterates over responses."""
_TRANSIENT = (ServerUnavailableError, ServerDrainingError)
_log = logging.getLogger(__name__)


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
        self._patience = session.connection.options.timeout
        self._changed = threading.Condition()
        self._outbox = Outbox(options or StreamOptions(), order.take, time.monotonic)
        self._call = 0
        self._closing = False
        self._error: SessionSharingError | None = None
        self._progress = 0.0
        self._thread: threading.Thread | None = None
        self._answers: grpc.Call | None = None

    @property
    def unacknowledged(self) -> int:
        """Count the records that are not known to be in the file."""
        with self._changed:
            return len(self._outbox)

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
            self._wait_until(lambda: self._outbox.has_room(len(line)))
            if self._outbox.add(line):
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until every record is as safe as the server's durability says.

        Raises:
            CallTimeoutError: The server acknowledged nothing for the session's timeout; the
                records are kept, and are still being sent.
            SessionSharingError: A record could not be written; neither were those after it.
        """
        with self._changed:
            self._outbox.hurry()
            self._changed.notify_all()
            self._wait_until(lambda: self._outbox.is_empty)

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
            self._outbox.hurry()
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
                    f"{self._outbox.batches} batches wait."
                )
            self._changed.wait(left)
        if self._error is not None:
            raise self._error

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
            while self._outbox.is_empty:
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
            self._outbox.rewind()
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
        early = self._outbox.batches > 0
        return ServerUnavailableError("The server ended the stream.") if early else None

    def _requests(self, call: int) -> Iterator[pb.AppendRequest]:
        while (request := self._next_request(call)) is not None:
            yield request

    def _next_request(self, call: int) -> pb.AppendRequest | None:
        """Wait for the next batch of a call; None when the call is over."""
        with self._changed:
            while call == self._call:
                request = self._outbox.next_unsent()
                if request is not None:
                    request.attachment = self._session.attachment
                    return request
                due = self._outbox.due_in()
                if self._closing and due is None:
                    return None
                self._changed.wait(due)
            return None

    def _acknowledge(self, answer: pb.AppendResponse) -> None:
        with self._changed:
            self._outbox.acknowledge(answer.client_seq)
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
