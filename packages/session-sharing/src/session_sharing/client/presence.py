"""Shows the server that this client lives, through one open stream."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import grpc

from session_sharing.client.background import start_thread
from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import (
    CallTimeoutError,
    ConnectionClosedError,
    ServerUnavailableError,
    from_rpc_error,
)
from session_sharing.core.errors import SessionSharingError
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

_log = logging.getLogger(__name__)


class PresenceStream:
    """Holds the stream, and holds it anew when it breaks, until it is closed.

    The server pings the connection, and gRPC answers without Python, so a program that keeps the
    interpreter busy stays present, while one that is stopped or unplugged does not.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        request: pb.HoldRequest,
        tell: Callable[[pb.HoldEvent], None],
    ) -> None:
        """Begin to hold.

        Args:
            channel: Connection to the server.
            request: Who this client is.
            tell: Called in the stream's thread with what the server says while the stream lives.
        """
        self._stub = lifecycle_pb2_grpc.SessionLifecycleStub(channel)
        self._request = request
        self._answered = threading.Event()
        self._closed = threading.Event()
        self._error: SessionSharingError | None = None
        self._lock = threading.Lock()
        self._stream: grpc.Call | None = None
        self._thread = 0
        self.epoch = ""
        """The server's start that this client is present at."""
        self.window = 0.0
        """Granted window in seconds."""
        self._tell = tell
        self._ended = threading.Event()
        start_thread(self._run, "session-presence")

    def wait_until_granted(self, timeout: float) -> None:
        """Wait until the server knows this client.

        Raises:
            SessionSharingError: The server refused, or it could not be reached in time.
        """
        answered = self._answered.wait(timeout)
        if self._closed.is_set():
            raise ConnectionClosedError("The connection is closed.")
        error = self._error
        if error is not None or not answered:
            raise error or CallTimeoutError("The server did not answer in time.")

    def close(self) -> None:
        """End the stream; attachments that are left end as their behaviors say."""
        with self._lock:
            self._closed.set()
            if self._stream is not None:
                self._stream.cancel()
        self._answered.set()
        if threading.get_ident() != self._thread:
            self._ended.wait(timeout=5)

    def _run(self) -> None:
        self._thread = threading.get_ident()
        try:
            self._hold()
        finally:
            self._ended.set()

    def _hold(self) -> None:
        backoff = Backoff()
        while (stream := self._begin_stream()) is not None:
            try:
                for event in stream:
                    self._take(event, backoff)
                self._answered.clear()
            except grpc.RpcError as error:
                self._fail(from_rpc_error(error))
            self._closed.wait(backoff.next_pause())

    def _begin_stream(self) -> Iterator[pb.HoldEvent] | None:
        """Hold once more, unless this object, or its channel, is closed."""
        with self._lock:
            if self._closed.is_set():
                return None
            try:
                stream = self._stub.Hold(self._request)
            except ValueError as error:
                self._fail(from_rpc_error(error))
                return None
            self._stream = stream
            return stream

    def _fail(self, error: SessionSharingError) -> None:
        self._error = error
        if isinstance(error, ServerUnavailableError):
            self._answered.clear()
        else:
            self._answered.set()

    def _take(self, event: pb.HoldEvent, backoff: Backoff) -> None:
        kind = event.WhichOneof("event")
        if kind == "granted":
            self.epoch = event.granted.epoch
            self.window = event.granted.window_ms / 1000
            self._error = None
            self._answered.set()
            backoff.reset()
            return
        if kind == "draining":
            backoff.slow_down()
        try:
            self._tell(event)
        except Exception:
            _log.exception("A callback of the connection has failed.")
