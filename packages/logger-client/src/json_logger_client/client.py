"""The client that measurement code uses to log."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.names import KIND
from session_sharing.client import (
    CallTimeoutError,
    Connection,
    ConnectOptions,
    ServerUnavailableError,
    SessionOptions,
    SharedSession,
)
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import SessionExpiredError, SessionSharingError

from json_logger_client.encoding import encode_record
from json_logger_client.locating import locate_logger

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient


class _WriteOrder:
    """Counts the records of one connection; whoever writes holds the lock, to keep the order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.next_seq = 1


_orders: weakref.WeakKeyDictionary[Connection, _WriteOrder] = weakref.WeakKeyDictionary()


class JsonLoggerClient(SharedSession):
    """A session on a shared log file.

    ```python
    with JsonLoggerClient("measurements.ndjson") as log:
        log.log_data("leakage", {"voltage": 3.3}, {"current": [1.2e-9, 1.4e-9]})
    ```

    Leaving the block does what the behavior says. Thread-safe; records keep their order.
    """

    kind: ClassVar[str] = KIND

    def __init__(
        self,
        file_path: str,
        initialization_behavior: InitializationBehavior = InitializationBehavior.AUTO,
        discovery_client: DiscoveryClient | None = None,
        *,
        connect: Connection | ConnectOptions | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        """Open the log.

        Args:
            file_path: Name of the file; a relative one starts at the server's first log folder.
            initialization_behavior: Whether to create or attach, and what leaving does.
            discovery_client: NI discovery client that finds the server when nothing else names it.
            connect: A connection, which stays the caller's, or how to make one.
            options: What else there is to say about the session.

        Raises:
            SessionSharingError: The log cannot be opened, or the server not be found.
        """
        if not isinstance(connect, Connection):
            connect = locate_logger(connect, discovery_client)
        behavior = InitializationBehavior(int(initialization_behavior))
        options = replace(options or SessionOptions(), behavior=behavior)
        super().__init__(file_path, connect, options)
        self._service = json_logger_ext_pb2_grpc.JsonLoggerExtStub(self.connection.channel)
        self._order = _orders.setdefault(self.connection, _WriteOrder())
        self._unacknowledged: pb.AppendRequest | None = None

    def log_data(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
    ) -> int:
        """Append one record; returns once it is as safe as the server's durability says.

        Args:
            measurement_name: What was measured.
            measurement_configurations: How; plain Python values and numpy arrays.
            measurement_outputs: The values; see `encode_record` for what becomes of them.
            timestamp: When; by default now.

        Returns:
            The record's sequence number in the file.

        Raises:
            InvalidArgumentError: A value has no JSON form.
            SessionExpiredError: The session is over. When the server was restarted it is a
                `ServerRestartedError`; `reset()` opens the log again and sends the record, if the
                old server had not written it.
            CallTimeoutError: There was no answer in time. The record is not lost: the next call
                sends it again first, and it is written once.
            SessionSharingError: What else the server answered.
        """
        line = encode_record(
            measurement_name, measurement_configurations, measurement_outputs, timestamp
        )
        with self._order.lock:
            self._settle()
            return self._append(
                pb.AppendRequest(
                    attachment=self.attachment,
                    first_client_seq=self._order.next_seq,
                    count=1,
                    ndjson=line,
                )
            )

    def close_file(self) -> None:
        """Close the log, for everybody unless it was opened otherwise; `close` by its old name."""
        self.close()

    def reset(self) -> None:
        """Open the log anew and send what was not acknowledged before."""
        super().reset()
        with self._order.lock:
            self._settle()

    def _append(self, request: pb.AppendRequest) -> int:
        """Send records under numbers of their own, which make a repetition harmless.

        A clear refusal frees the numbers. Without a clear answer the records are kept, and sent
        again before anything else is.
        """
        self._unacknowledged = request
        try:
            answer = self.call(self._service.Append, request)
        except (CallTimeoutError, ServerUnavailableError, SessionExpiredError):
            raise
        except SessionSharingError:
            self._unacknowledged = None
            raise
        self._unacknowledged = None
        self._order.next_seq = answer.client_seq + 1
        return answer.first_seq

    def _settle(self) -> None:
        if self._unacknowledged is not None:
            self._unacknowledged.attachment = self.attachment
            self._append(self._unacknowledged)
