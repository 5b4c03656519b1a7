"""Connect to a session server: make calls with retries, and show this client's presence."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import grpc

from session_sharing.client.arguments import check_argument
from session_sharing.client.background import uninterrupted
from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import (
    CALL_ERRORS,
    CallTimeoutError,
    ConnectionClosedError,
    ServerUnavailableError,
    from_rpc_error,
)
from session_sharing.client.options import ConnectOptions, default_label
from session_sharing.client.ownership import Owner
from session_sharing.client.presence import PresenceStream
from session_sharing.core.behaviors import MIN_SECRET_BYTES
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

_GRACE = 1.0
"""Seconds: half the default window, for clients without a presence stream."""

_log = logging.getLogger(__name__)
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Connection:
    """One client on one server. Thread-safe; sessions may share it.

    Make it by `connect`, which also checks that the server answers. Make it directly when the
    server may start later, or when you have a gRPC channel already.

    Attributes:
        on_draining: Called, in a background thread, when the server says that it is stopping.
        on_expired: Called in a background thread, with the reason, when the server says that this
            client was lost for too long and its attachments have ended. It may `reset` a session.
    """

    def __init__(self, options: ConnectOptions, *, channel: grpc.Channel | None = None) -> None:
        """Prepare to connect; nothing is sent yet.

        Args:
            options: Where the server is and how to talk to it.
            channel: A channel to the server, which the caller closes; None opens one.

        Raises:
            InvalidArgumentError: The options contradict each other, or a file cannot be read.
        """
        check_argument("options", options, ConnectOptions)
        self.options = options
        self.owner = Owner("The connection")
        self.label = options.label or default_label()
        """Name of this client for people."""
        self.secret = secrets.token_bytes(2 * MIN_SECRET_BYTES)
        self.on_draining: Callable[[], None] = lambda: None
        self.on_expired: Callable[[str], None] = lambda reason: None
        self._lock = threading.Lock()
        self._presence: PresenceStream | None = None
        self._owned: list[grpc.Channel] = []
        self._closed = False
        self._shared_channel = channel is not None
        self.channel = channel if channel is not None else self._open_channel()
        self.lifecycle = lifecycle_pb2_grpc.SessionLifecycleStub(self.channel)

    def be_present(self) -> None:
        """Open the presence stream if it is not open, and if the options ask for presence.

        Raises:
            SessionSharingError: The server does not answer, or refuses this client.
        """
        self.owner.check()
        if self.options.presence:
            uninterrupted(self._be_present)

    @property
    def epoch(self) -> str:
        """Epoch of the server at which this client is present; empty without presence."""
        presence = self._presence
        return presence.epoch if presence is not None else ""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def grace(self) -> float:
        """Seconds after which the server ends the attachments of a client that it cannot reach."""
        presence = self._presence
        return presence.window / 2 if presence is not None and presence.window else _GRACE

    def call(
        self,
        method: Callable[..., _Response],
        request: _Request,
        timeout: float | None = None,
        patience: float | None = None,
        *,
        repeatable: bool = True,
    ) -> _Response:
        """Call a method, again and again while the server cannot be reached.

        Args:
            method: The stub's method.
            request: The request message.
            timeout: Seconds for all tries; by default those of the options.
            patience: Seconds after which an unreachable server is not tried again.
            repeatable: The server may carry the method out twice without harm, as every method of
                `lifecycle`. Pass False for other methods; they are called once.

        Raises:
            InheritedClientError: The connection belongs to the parent process.
            SessionSharingError: The error that the server answered, or that it does not answer.
        """
        self.owner.check()
        attempts = self.options.attempts if repeatable else 1
        return uninterrupted(partial(self._call, method, request, timeout, patience, attempts))

    def _call(
        self,
        method: Callable[..., _Response],
        request: _Request,
        timeout: float | None,
        patience: float | None,
        attempts: int,
    ) -> _Response:
        left = self.options.timeout if timeout is None else timeout
        deadline = time.monotonic() + left
        hopeless_at = deadline if patience is None else time.monotonic() + patience
        backoff = Backoff()
        tries = 0
        while True:
            tries += 1
            try:
                return method(request, timeout=left)
            except CALL_ERRORS as call_error:
                error = from_rpc_error(call_error)
            pause = backoff.next_pause()
            left = deadline - time.monotonic() - pause
            used_up = left <= 0 or tries == attempts
            used_up |= time.monotonic() + pause > hopeless_at
            if used_up or not isinstance(error, ServerUnavailableError):
                raise error
            time.sleep(pause)

    def leave(self, method: grpc.UnaryUnaryMultiCallable[Any, Any], request: object) -> None:
        """Call a method that ends something, without waiting long for an unreachable server.

        The server itself ends the attachments of an unreachable client after the grace, so a longer
        wait would change nothing. A server that answers may take the whole timeout.

        Raises:
            SessionSharingError: The error that the server answered, or that it does not answer.
        """
        self.call(partial(self._call_unless_silent, method), request, patience=self.grace)

    def is_connected(self, timeout: float = 1.0) -> bool:
        """Return whether the server answers within `timeout` seconds."""
        self.owner.check()
        return uninterrupted(partial(self._is_connected, timeout))

    def close(self) -> None:
        """End the presence stream, and close the channels that this connection opened.

        In a forked child process this does nothing: the parent process stays connected.
        """
        if self.owner.is_here:
            uninterrupted(self._close)

    def _be_present(self) -> None:
        with self._lock:
            if self._closed:
                raise ConnectionClosedError(
                    "This program has closed the connection. Make a new one."
                )
            if self._presence is None:
                own = self.channel if self._shared_channel else self._open_channel(own=True)
                request = pb.HoldRequest(
                    client_secret=self.secret,
                    window_ms=round(self.options.window * 1000),
                    label=self.label,
                )
                self._presence = PresenceStream(own, request, self._take)
            presence = self._presence
        presence.wait_until_granted(self.options.timeout)

    def _is_connected(self, timeout: float) -> bool:
        try:
            self.lifecycle.GetServerInfo(pb.GetServerInfoRequest(), timeout=timeout)
        except CALL_ERRORS:
            return False
        return True

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            presence, self._presence = self._presence, None
            owned, self._owned = self._owned, []
        if presence is not None:
            presence.close()
        for channel in owned:
            channel.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call_unless_silent(
        self, method: grpc.UnaryUnaryMultiCallable[Any, Any], request: object, timeout: float
    ) -> object:
        """Wait for the answer for as long as the server answers other calls."""
        answer = method.future(request, timeout=timeout)
        deadline = time.monotonic() + timeout + self.grace
        while time.monotonic() < deadline:
            try:
                return answer.result(timeout=self.grace)
            except grpc.FutureCancelledError as error:
                raise ConnectionClosedError(
                    "This program closed the connection before the server answered."
                ) from error
            except grpc.FutureTimeoutError:
                pass
            if not self._is_connected(2 * self.grace):
                answer.cancel()
                raise ServerUnavailableError(
                    "The server does not answer. Check that it runs and that the target is right."
                )
        answer.cancel()
        raise CallTimeoutError(
            f"The server did not answer within {timeout:g} s. Try again, or set a longer timeout."
        )

    def _take(self, event: pb.HoldEvent) -> None:
        """Call the program's callback for a message of the presence stream."""
        if event.HasField("draining"):
            self.on_draining()
        elif event.HasField("expired"):
            lost = event.expired
            _log.warning(
                "The server has ended %d attachments of this client: %s.",
                lost.attachments,
                lost.reason,
            )
            self.on_expired(lost.reason)

    def _open_channel(self, *, own: bool = False) -> grpc.Channel:
        channel = self.options.open_channel(own_connection=own)
        self._owned.append(channel)
        return channel


def connect(options: ConnectOptions, timeout: float | None = None) -> Connection:
    """Connect to a server and check that it answers.

    Args:
        options: Where the server is and how to talk to it.
        timeout: Seconds to wait for its answer; by default those of the options.

    Raises:
        SessionSharingError: The server does not answer, or does not accept this client.
    """
    connection = Connection(options)
    try:
        info = connection.lifecycle.GetServerInfo
        connection.call(info, pb.GetServerInfoRequest(), timeout)
    except BaseException:
        connection.close()
        raise
    return connection
