"""Shows the server that this client lives, through one open stream."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import grpc

from session_sharing.client.errors import (
    CallTimeoutError,
    ConnectionClosedError,
    ServerUnavailableError,
)
from session_sharing.client.streams import Break, ResilientStream
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
        lifecycle = lifecycle_pb2_grpc.SessionLifecycleStub(channel)
        self._stream = ResilientStream(lifecycle.Hold, request)
        self._answered = threading.Event()
        self._error: SessionSharingError | None = None
        self.epoch = ""
        """The server's start that this client is present at."""
        self.window = 0.0
        """Granted window in seconds."""
        self._tell = tell
        self._stream.start(self._hold, "session-presence")

    def wait_until_granted(self, timeout: float) -> None:
        """Wait until the server knows this client.

        Raises:
            SessionSharingError: The server refused, or it could not be reached in time.
        """
        answered = self._answered.wait(timeout)
        if self._stream.closed:
            raise ConnectionClosedError("The connection is closed.")
        error = self._error
        if error is not None or not answered:
            raise error or CallTimeoutError("The server did not answer in time.")

    def close(self) -> None:
        """End the stream; attachments that are left end as their behaviors say."""
        self._stream.stop()
        self._answered.set()
        self._stream.wait_until_ended()

    def _hold(self) -> None:
        for event in self._stream.messages():
            if not isinstance(event, Break):
                self._take(event)
            elif event.error is not None:
                self._fail(event.error)
            else:
                self._answered.clear()

    def _fail(self, error: SessionSharingError) -> None:
        self._error = error
        if isinstance(error, ServerUnavailableError):
            self._answered.clear()
        else:
            self._answered.set()

    def _take(self, event: pb.HoldEvent) -> None:
        kind = event.WhichOneof("event")
        if kind == "granted":
            self.epoch = event.granted.epoch
            self.window = event.granted.window_ms / 1000
            self._error = None
            self._answered.set()
            self._stream.backoff.reset()
            return
        if kind == "draining":
            self._stream.backoff.slow_down()
        try:
            self._tell(event)
        except Exception:
            _log.exception("A callback of the connection has failed.")
