"""Read a stream from the server, and open it again when it breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from session_sharing.client.background import start_thread
from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import from_rpc_error
from session_sharing.core.errors import SessionSharingError

_Message = TypeVar("_Message")


@dataclass(frozen=True, slots=True)
class Break:
    """The stream has broken; it begins again after a pause, unless its channel is closed."""

    error: SessionSharingError | None
    """Why it broke; None when the server ended it without an error."""


class ResilientStream(Generic[_Message]):
    """A stream that begins again when it breaks, until it is closed.

    A background thread reads it: `start` runs the reader in that thread, and the reader iterates
    over `messages`.
    """

    def __init__(
        self, method: grpc.UnaryStreamMultiCallable[Any, _Message], request: object
    ) -> None:
        """Prepare the stream.

        Args:
            method: The stub's method.
            request: The request of every try; the reader may change it between two tries.
        """
        self._method = method
        self._request = request
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._call: grpc.Call | None = None
        self._thread = 0
        self.backoff = Backoff()
        """The pauses between tries; the reader resets it after a success."""

    @property
    def closed(self) -> bool:
        """Whether `stop` was called."""
        return self._closed.is_set()

    def start(self, read: Callable[[], None], name: str) -> None:
        """Run the reader in a thread.

        Args:
            read: Iterates over `messages` until they end.
            name: Name of the thread.
        """

        def run() -> None:
            self._thread = threading.get_ident()
            try:
                read()
            finally:
                self._ended.set()

        start_thread(run, name)

    def messages(self) -> Iterator[_Message | Break]:
        """Yield the messages of the server, and a `Break` whenever the stream breaks."""
        while True:
            try:
                call = self._begin()
            except ValueError as error:  # the channel is closed, so that no try can succeed
                yield Break(from_rpc_error(error))
                return
            if call is None:
                return
            try:
                yield from call
            except grpc.RpcError as error:
                yield Break(from_rpc_error(error))
            else:
                yield Break(None)
            self._closed.wait(self.backoff.next_pause())

    def stop(self) -> None:
        """Cancel the stream, and do not begin it again."""
        with self._lock:
            self._closed.set()
            if self._call is not None:
                self._call.cancel()

    def wait_until_ended(self) -> None:
        """Wait a few seconds until the reader has returned; the reader itself does not wait."""
        if threading.get_ident() != self._thread:
            self._ended.wait(timeout=5)

    def _begin(self) -> Iterator[_Message] | None:
        """Begin the stream, unless it is stopped.

        Raises:
            ValueError: The channel is closed.
        """
        with self._lock:
            if self._closed.is_set():
                return None
            call = self._method(self._request)
            self._call = call
            return call
