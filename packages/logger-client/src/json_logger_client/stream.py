"""A stream of records to one log: batches are made, sent, acknowledged and sent again by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from session_sharing.client import CallTimeoutError, SharedSession
from session_sharing.core.errors import (
    InvalidArgumentError,
    SessionExpiredError,
    SessionSharingError,
)

from json_logger_client.encoding import encode_record
from json_logger_client.outbox import Outbox, StreamOptions
from json_logger_client.sender import AppendStream, Sender
from json_logger_client.write_order import WriteOrder

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)


class LogStream:
    """Records on their way into one log, in their order. Thread-safe."""

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
        self._outbox = Outbox(options or StreamOptions(), order.take, time.monotonic)
        self._sender = Sender(session, append_stream, self._outbox)
        self._changed = self._sender.changed
        self._closed = False

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
            self._wait_until(lambda: self._closed or self._outbox.has_room(len(line)))
            if self._closed:
                raise InvalidArgumentError("The stream is closed.")
            self._sender.start()
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
        with self._changed:
            if self._closed:
                return
            self._closed = True
        try:
            self.flush()
        except SessionSharingError as error:
            self._sender.fail(error)
            raise
        finally:
            self._sender.finish()

    def resume(self) -> None:
        """Send what is unacknowledged to a session that was reset; called by the session."""
        with self._changed:
            if isinstance(self._sender.error, SessionExpiredError) and not self._closed:
                self._sender.start_anew()

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

    def _wait_until(self, done: Callable[[], bool]) -> None:
        """Wait with the lock held; give up when nothing moves for longer than the patience."""
        sender = self._sender
        started = time.monotonic()
        while sender.error is None and not done():
            left = max(started, sender.progress) + sender.patience - time.monotonic()
            if left <= 0:
                raise CallTimeoutError(
                    f"The server acknowledged nothing for {sender.patience:g} s; "
                    f"{self._outbox.batches} batches wait."
                )
            self._changed.wait(left)
        if sender.error is not None:
            raise sender.error
