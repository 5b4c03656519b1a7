"""Shows the server that this client lives, through one open stream."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc

from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import (
    CallTimeoutError,
    ServerUnavailableError,
    from_rpc_error,
)
from session_sharing.core.errors import SessionSharingError
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc


class PresenceStream:
    """Holds the stream, and holds it anew when it breaks, until it is closed.

    The server pings the connection, and gRPC answers without Python, so a program that keeps the
    interpreter busy stays present, while one that is stopped or unplugged does not.
    """

    def __init__(self, channel: grpc.Channel, request: pb.HoldRequest) -> None:
        self._stub = lifecycle_pb2_grpc.SessionLifecycleStub(channel)
        self._request = request
        self._answered = threading.Event()
        self._closed = threading.Event()
        self._error: SessionSharingError | None = None
        self._stream: grpc.Call | None = None
        self.epoch = ""
        """The server's start that this client is present at."""
        self.window = 0.0
        """Granted window in seconds."""
        self.on_draining: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="session-presence", daemon=True)
        self._thread.start()

    def wait_until_granted(self, timeout: float) -> None:
        """Wait until the server knows this client.

        Raises:
            SessionSharingError: The server refused, or it could not be reached in time.
        """
        if not self._answered.wait(timeout) or self._error is not None:
            raise self._error or CallTimeoutError("The server did not answer in time.")

    def close(self) -> None:
        """End the stream; attachments that are left end as their behaviors say."""
        self._closed.set()
        if self._stream is not None:
            self._stream.cancel()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        backoff = Backoff()
        while not self._closed.is_set():
            try:
                stream = self._stub.Hold(self._request)
                self._stream = stream
                for event in stream:
                    self._take(event)
                    backoff.reset()
                self._answered.clear()
            except grpc.RpcError as error:
                self._fail(from_rpc_error(error))
            self._closed.wait(backoff.next_pause())

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
        elif kind == "draining":
            self.on_draining()
