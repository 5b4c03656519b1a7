"""A connection to a server of sessions: calls with retries, and this client's presence."""

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
"""Seconds; half the default window, for clients that hold no stream."""

_log = logging.getLogger(__name__)
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Connection:
    """One client on one server. Thread-safe; sessions may share it.

    Make it by `connect`, which also makes sure that the server answers. Make it directly when the
    server may start later, or when you have a gRPC channel already.

    Attributes:
        on_draining: Called, in a thread of its own, when the server says that it is stopping.
        on_expired: Called in the same way, with the reason, when the server says that this client
            was away for too long, so that what it held has ended; a session may be `reset` there.
    """

    def __init__(self, options: ConnectOptions, *, channel: grpc.Channel | None = None) -> None:
        """Prepare to connect; nothing is sent yet.

        Args:
            options: Where the server is and how to talk to it.
            channel: A channel to the server, which stays the caller's; None opens one.

        Raises:
            InvalidArgumentError: The options contradict each other, or a file cannot be read.
        """
        check_argument("options", options, ConnectOptions)
        self.options = options
        self.owner = Owner("The connection")
        self.label = options.label or default_label()
        """Who this is, for people."""
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
        """Hold the presence stream, once, unless the options say otherwise.

        Raises:
            SessionSharingError: The server does not answer, or refuses this client.
        """
        self.owner.check()
        if self.options.presence:
            uninterrupted(self._be_present)

    @property
    def epoch(self) -> str:
        """The server's start at which this client is present; empty without presence."""
        presence = self._presence
        return presence.epoch if presence is not None else ""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def grace(self) -> float:
        """Seconds after which the server ends by itself what an unreachable client holds."""
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
            request: What it is given.
            timeout: Seconds for all tries; by default the options'.
            patience: Seconds after which a server that cannot be reached is not tried again.
            repeatable: The method may be carried out twice, as every method of `lifecycle` may;
                False for one that may not, which is called once.

        Raises:
            InheritedClientError: The connection belongs to the parent process.
            SessionSharingError: What the server answered, or that it does not.
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
        """Call a method that ends something, without waiting for a server that is gone.

        What an unreachable client holds is ended by the server itself after the grace, so that
        more patience with it would change nothing. One that is there may take the whole timeout.

        Raises:
            SessionSharingError: What the server answered, or that it does not.
        """
        self.call(partial(self._call_unless_silent, method), request, patience=self.grace)

    def is_connected(self, timeout: float = 1.0) -> bool:
        """Ask the server whether it is there."""
        self.owner.check()
        return uninterrupted(partial(self._is_connected, timeout))

    def close(self) -> None:
        """Leave: end the presence stream and close what this connection opened.

        In a forked child process this does nothing: the parent process stays connected.
        """
        if self.owner.is_here:
            uninterrupted(self._close)

    def _be_present(self) -> None:
        with self._lock:
            if self._closed:
                raise ConnectionClosedError("The connection is closed.")
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
        """Wait for an answer for as long as the server answers anything at all."""
        answer = method.future(request, timeout=timeout)
        deadline = time.monotonic() + timeout + self.grace
        while time.monotonic() < deadline:
            try:
                return answer.result(timeout=self.grace)
            except grpc.FutureCancelledError as error:
                raise ConnectionClosedError("The connection was closed meanwhile.") from error
            except grpc.FutureTimeoutError:
                pass
            if not self._is_connected(2 * self.grace):
                answer.cancel()
                raise ServerUnavailableError("The server does not answer.")
        answer.cancel()
        raise CallTimeoutError(f"The server did not answer within {timeout:g} s.")

    def _take(self, event: pb.HoldEvent) -> None:
        """Tell the program what the server says of this client's presence."""
        if event.HasField("draining"):
            self.on_draining()
        elif event.HasField("expired"):
            gone = event.expired
            _log.warning("The server has ended %d attachments: %s.", gone.attachments, gone.reason)
            self.on_expired(gone.reason)

    def _open_channel(self, *, own: bool = False) -> grpc.Channel:
        channel = self.options.open_channel(own_connection=own)
        self._owned.append(channel)
        return channel


def connect(options: ConnectOptions, timeout: float | None = None) -> Connection:
    """Connect to a server and make sure that it answers.

    Args:
        options: Where the server is and how to talk to it.
        timeout: Seconds to wait for its answer; by default the options'.

    Raises:
        SessionSharingError: It does not, or it does not accept this client.
    """
    connection = Connection(options)
    try:
        info = connection.lifecycle.GetServerInfo
        connection.call(info, pb.GetServerInfoRequest(), timeout)
    except BaseException:
        connection.close()
        raise
    return connection
