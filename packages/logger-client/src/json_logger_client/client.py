"""The client that measurement code uses to log."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Mapping
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
from session_sharing.core.errors import (
    ServerDrainingError,
    SessionExpiredError,
    SessionSharingError,
)

from json_logger_client.encoding import encode_record
from json_logger_client.grpc_options import GrpcSessionOptions
from json_logger_client.locating import locate_logger
from json_logger_client.outbox import StreamOptions
from json_logger_client.stream import LogStream
from json_logger_client.write_order import order_of

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient

_log = logging.getLogger(__name__)
_UNCLEAR = (CallTimeoutError, ServerUnavailableError, ServerDrainingError, SessionExpiredError)
"""Errors that do not tell whether the records were written."""


class JsonLoggerClient(SharedSession):
    """A session on a shared log file.

    Example::

        with JsonLoggerClient("measurements.ndjson") as log:
            log.log_data("leakage", {"voltage": 3.3}, {"current": [1.2e-9, 1.4e-9]})

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
        grpc_options: GrpcSessionOptions | None = None,
    ) -> None:
        """Open the log.

        Args:
            file_path: Name of the file; a relative one starts at the server's first log folder.
            initialization_behavior: Whether to create or attach, and what leaving does.
            discovery_client: NI discovery client that finds the server when nothing else names it.
            connect: A connection, which stays the caller's, or how to make one.
            options: What else there is to say about the session.
            grpc_options: Channel, session name and behavior in the form of NI's drivers, instead
                of the three above; the channel stays the caller's, and presence shares it.

        Raises:
            SessionSharingError: The log cannot be opened, or the server not be found.
        """
        options = options or SessionOptions()
        behavior = int(initialization_behavior)
        own_connection = False
        if grpc_options is not None:
            behavior = _integer(grpc_options.initialization_behavior)
            options = replace(options, session_name=grpc_options.session_name)
            how = connect if isinstance(connect, ConnectOptions) else ConnectOptions()
            connect = Connection(how, channel=grpc_options.grpc_channel)
            own_connection = True
        elif not isinstance(connect, Connection):
            connect = locate_logger(connect, discovery_client)
        self._lock = threading.Lock()
        self._unacknowledged: pb.AppendRequest | None = None
        self._refusal: SessionSharingError | None = None
        """Why the last call failed, which its caller knows."""
        self._streams: weakref.WeakSet[LogStream] = weakref.WeakSet()
        options = replace(options, behavior=InitializationBehavior(behavior))
        try:
            super().__init__(file_path, connect, options)
        except BaseException:
            if own_connection and isinstance(connect, Connection):
                connect.close()
            raise
        self._owns_connection |= own_connection
        self._service = json_logger_ext_pb2_grpc.JsonLoggerExtStub(self.connection.channel)
        self._order = order_of(self.connection)

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
            SessionSharingError: What else the server answered; the record was not written and never
                will be.
        """
        line = encode_record(
            measurement_name, measurement_configurations, measurement_outputs, timestamp
        )
        with self._lock:
            self._settle()
            return self._append(
                pb.AppendRequest(first_client_seq=self._order.take(), count=1, ndjson=line)
            )

    def stream(self, options: StreamOptions | None = None) -> LogStream:
        """Open a stream for high rates: records go in batches and are acknowledged later.

        Example::

            with log.stream() as stream:
                for sample in samples:
                    stream.log("scope", {"channel": 0}, {"waveform": sample})

        Leaving the block waits for the last acknowledgement and raises what went wrong.
        """
        stream = LogStream(self, self._service.AppendStream, self._order, options)
        self._streams.add(stream)
        return stream

    def detach(self) -> None:
        """End this attachment as leaving the `with` block does, once everything is sent.

        Raises:
            SessionSharingError: A record could not be sent; the attachment has ended all the same.
        """
        self._end_after_sending(super().detach)

    def close(self) -> None:
        """Close the session for whom its close policy says, once everything is sent.

        Raises:
            SessionSharingError: A record could not be sent; the session is closed all the same.
        """
        self._end_after_sending(super().close)

    def close_file(self) -> None:
        """Close the log, for everybody unless it was opened otherwise; `close` by its old name."""
        self.close()

    def reset(self) -> None:
        """Open the log anew and send what was not acknowledged before."""
        super().reset()
        with self._lock:
            self._settle()
        for stream in list(self._streams):
            stream.resume()

    def _end_after_sending(self, end: Callable[[], None]) -> None:
        if self._ended:
            return
        try:
            for stream in list(self._streams):
                stream.close()
            with self._lock:
                if not isinstance(self._refusal, SessionExpiredError):
                    self._settle(self.connection.grace)  # its caller has waited already
        finally:
            end()

    def _append(self, request: pb.AppendRequest, patience: float | None = None) -> int:
        """Send records under numbers of their own, which make a repetition harmless.

        Without a clear answer the records are kept, and sent again before anything else is.
        """
        self._unacknowledged, self._refusal = request, None
        request.attachment = self.attachment
        try:
            answer = self.call(self._service.Append, request, patience)
        except SessionSharingError as error:
            self._refusal = error
            if not isinstance(error, _UNCLEAR):
                self._unacknowledged = None
            raise
        self._unacknowledged = None
        return answer.first_seq

    def _settle(self, patience: float | None = None) -> None:
        if self._unacknowledged is not None:
            self._append(self._unacknowledged, patience)


def _integer(behavior: Any) -> int:
    """Read NI's behavior enum, which is an IntEnum in some packages and an Enum in others."""
    return int(getattr(behavior, "value", behavior))
