"""Show the server, by one open stream, that this client is alive."""

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
    """Holds the presence stream, and opens it again when it breaks, until it is closed.

    The server pings the connection, and gRPC answers without Python. So a program that keeps the
    interpreter busy stays present; a program that is stopped or unplugged does not.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        request: pb.HoldRequest,
        on_event: Callable[[pb.HoldEvent], None],
    ) -> None:
        """Open the stream.

        Args:
            channel: Connection to the server.
            request: The client's secret, window and label.
            on_event: Called in the stream's thread with each later message of the server.
        """
        lifecycle = lifecycle_pb2_grpc.SessionLifecycleStub(channel)
        self._stream = ResilientStream(lifecycle.Hold, request)
        self._answered = threading.Event()
        self._error: SessionSharingError | None = None
        self.epoch = ""
        """Epoch of the server at which this client is present."""
        self.window = 0.0
        """Granted window in seconds."""
        self._on_event = on_event
        self._stream.start(self._hold, "session-presence")

    def wait_until_granted(self, timeout: float) -> None:
        """Wait until the server has accepted this client.

        Raises:
            SessionSharingError: The server refused, or did not answer in time.
        """
        answered = self._answered.wait(timeout)
        if self._stream.closed:
            raise ConnectionClosedError("This program has closed the connection. Make a new one.")
        error = self._error
        if error is not None or not answered:
            raise error or CallTimeoutError(
                f"The server did not answer within {timeout:g} s. Check that it runs."
            )

    def close(self) -> None:
        """End the stream; then the server ends the remaining attachments of this client."""
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
            self._on_event(event)
        except Exception:
            _log.exception("The callback on_draining or on_expired of a connection has failed.")
