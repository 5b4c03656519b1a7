"""A stream of records to one log. It makes batches, sends them, and repeats them if necessary."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from session_sharing import InvalidArgumentError, SessionSharingError
from session_sharing.client.background import uninterrupted
from session_sharing.client.ownership import Owner

from json_logger_client.encoding import EncodedRecord, encode_record
from json_logger_client.record_context import RecordContext
from json_logger_client.sender import Sender

if TYPE_CHECKING:
    from typing_extensions import Self


class LogStream:
    """Sends records to one log in batches, in their order; `JsonLoggerClient.stream` returns it.

    Use it in a `with` block, and call `log` for each record. Thread-safe. A signal handler and a
    `__del__` may call `log`, too.
    """

    def __init__(self, sender: Sender, owner: Owner, shortest_waveform: int) -> None:
        """Prepare the stream. The first record opens the stream of the connection.

        Args:
            sender: Sends the records.
            owner: The process that may use this object.
            shortest_waveform: Numbers from which on an array is a waveform.
        """
        self._sender = sender
        self._owner = owner
        self._shortest_waveform = shortest_waveform

    @property
    def unacknowledged(self) -> int:
        """Number of records that are not known to be in the file."""
        return self._sender.unacknowledged

    def log(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
        *,
        context: RecordContext | None = None,
    ) -> None:
        """Take one record to send it soon, and return without waiting. `flush` makes it safe.

        This blocks while too many bytes are unacknowledged. A record that was taken is written;
        otherwise `flush` and the end of the block raise the error. This also holds after Ctrl-C.

        Raises:
            InvalidArgumentError: A value cannot be written as JSON, the context does not fit, or
                the stream is closed.
            LimitExceededError: The record is larger than the server accepts. The stream can still
                be used.
            InheritedClientError: The stream belongs to the parent process.
            SessionSharingError: An earlier record could not be written.
        """
        self._owner.check()
        record = encode_record(
            measurement_name,
            measurement_configurations,
            measurement_outputs,
            timestamp,
            self._shortest_waveform,
            context=context,
            memory=self._sender.memory,
        )
        sender = self._sender
        sender.check_size(record)
        if sender.error is not None or not sender.has_room(record.size):
            sender.wait_for_room(record.size)
        self._put(record)

    def flush(self) -> None:
        """Wait until every record is as safe as the server's durability says.

        Raises:
            CallTimeoutError: The server acknowledged nothing during the session's timeout. The
                records are kept, and are still being sent.
            InheritedClientError: The stream belongs to the parent process.
            SessionSharingError: A record could not be written. The later ones were not written
                either.
        """
        self._owner.check()
        self._sender.flush()

    def close(self) -> None:
        """Flush and end the stream. The session stays open.

        Raises:
            InheritedClientError: The stream belongs to the parent process.
            SessionSharingError: The same errors as `flush`. After a restart of the server the
                records are kept, and `reset()` of the session sends them.
        """
        self._owner.check()
        if self._sender.closed:
            return
        try:
            uninterrupted(self._sender.close)
        except SessionSharingError:
            self._sender.is_reported = True
            raise

    def abandon(self) -> None:
        """End the stream at once, and forget the records that are not known to be in the file.

        It is for programs that keep these records themselves, and write them in another way.
        """
        if not self._sender.closed:
            self._sender.abandon()

    def _put(self, record: EncodedRecord) -> None:
        """Put a record for which there is room."""
        if self._sender.closed:
            raise InvalidArgumentError(
                "The stream is closed. Open another by `stream()` of the client."
            )
        self._sender.put(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._owner.leave(
            self.close, error, lambda: f"{self._sender.remaining} could not be written"
        )
