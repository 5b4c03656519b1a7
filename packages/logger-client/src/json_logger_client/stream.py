"""A stream of records to one log: batches are made, sent, acknowledged and sent again by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from session_sharing import InvalidArgumentError, SessionSharingError
from session_sharing.client.background import uninterrupted
from session_sharing.client.ownership import Owner

from json_logger_client.encoding import encode_record
from json_logger_client.sender import Sender

if TYPE_CHECKING:
    from typing_extensions import Self


class LogStream:
    """Records on their way into one log, in their order; made by `JsonLoggerClient.stream`.

    Use it in a `with` block, and `log` each record. Thread-safe. A signal handler and a `__del__`
    may log, too.
    """

    def __init__(self, sender: Sender, owner: Owner) -> None:
        """Prepare; the connection's stream is opened with the first record.

        Args:
            sender: Sends the records.
            owner: The process that may use this object.
        """
        self._sender = sender
        self._owner = owner

    @property
    def unacknowledged(self) -> int:
        """Count the records that are not known to be in the file."""
        return self._sender.unacknowledged

    def log(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
    ) -> None:
        """Take one record; it is on its way when this returns, and safe after `flush`.

        Blocks while too much is unacknowledged. A record that was taken is written, or the error is
        raised by `flush` and by leaving the block, also when Ctrl-C comes in between.

        Raises:
            InvalidArgumentError: A value has no JSON form, or the stream is closed.
            LimitExceededError: The record is larger than the server takes; others go on.
            InheritedClientError: The stream belongs to the parent process.
            SessionSharingError: An earlier record could not be written.
        """
        self._owner.check()
        line = encode_record(
            measurement_name, measurement_configurations, measurement_outputs, timestamp
        )
        sender = self._sender
        sender.check_size(line)
        if sender.error is not None or not sender.has_room(len(line)):
            sender.wait_for_room(len(line))
        if sender.closed:
            raise InvalidArgumentError("The stream is closed.")
        sender.put(line)

    def flush(self) -> None:
        """Wait until every record is as safe as the server's durability says.

        Raises:
            CallTimeoutError: The server acknowledged nothing for the session's timeout; the
                records are kept, and are still being sent.
            InheritedClientError: The stream belongs to the parent process.
            SessionSharingError: A record could not be written; neither were those after it.
        """
        self._owner.check()
        self._sender.flush()

    def close(self) -> None:
        """Flush and end the stream; the session stays open.

        Raises:
            InheritedClientError: The stream belongs to the parent process.
            SessionSharingError: As `flush`. After a restart of the server the records are kept, and
                `reset()` of the session sends them.
        """
        self._owner.check()
        if self._sender.closed:
            return
        try:
            uninterrupted(self._sender.close)
        except SessionSharingError:
            self._sender.is_reported = True
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._owner.leave(self.close, error, lambda: f"Not written: {self._sender.what_is_left}")
