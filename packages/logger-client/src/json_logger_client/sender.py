"""Sends what is in an outbox over one append call after the other, until all is acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from session_sharing.client import ServerUnavailableError, SharedSession
from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import CALL_ERRORS, ServerRestartedError, from_rpc_error
from session_sharing.core.errors import (
    ServerDrainingError,
    SessionExpiredError,
    SessionSharingError,
)

from json_logger_client.outbox import Outbox

AppendStream = Callable[[Iterator[pb.AppendRequest]], Any]
"""The stub's method: takes requests, gives a call that iterates over responses."""
_TRANSIENT = (ServerUnavailableError, ServerDrainingError)


class Sender:
    """A thread that keeps a call open while there is something to send.

    A broken connection is mended within the session's timeout, and what was not acknowledged is
    sent again; its numbers keep it from being written twice. Whoever looks at the outbox, or at
    the attributes, holds `changed`.

    Attributes:
        changed: Guards everything here, and is notified of every change.
        patience: Seconds without progress after which a broken connection is given up.
        progress: When the server last acknowledged something, or sending began.
        error: Why nothing is sent any more.
    """

    def __init__(self, session: SharedSession, append_stream: AppendStream, outbox: Outbox) -> None:
        self._session = session
        self._append_stream = append_stream
        self._outbox = outbox
        self.changed = threading.Condition()
        self.patience = session.connection.options.timeout
        self.progress = 0.0
        self.error: SessionSharingError | None = None
        self._finishing = False
        self._call = 0
        self._thread: threading.Thread | None = None
        self._answers: grpc.Call | None = None

    def start(self) -> None:
        """Begin to send, unless that was done; call it with `changed` held."""
        if self._thread is None:
            self.progress = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="log-stream", daemon=True)
            self._thread.start()

    def start_anew(self) -> None:
        """Begin to send again after a failure; call it with `changed` held."""
        self.error, self._thread = None, None
        self.start()

    def fail(self, error: SessionSharingError) -> None:
        """Send nothing any more; the first reason counts."""
        with self.changed:
            self.error = self.error or error
            self.changed.notify_all()

    def finish(self) -> None:
        """Let the thread end once all is sent, or has failed, and wait for it."""
        with self.changed:
            self._finishing = True
            self._outbox.hurry()
            self.changed.notify_all()
            if self.error is not None and self._answers is not None:
                self._answers.cancel()
        if self._thread is not None:
            self._thread.join(timeout=self.patience)

    def _run(self) -> None:
        backoff = Backoff()
        broken_since = 0.0
        while self._wait_for_work() and self.error is None:
            acknowledged = self.progress
            error = self._one_call()
            if self.progress > acknowledged:
                backoff.reset()
                broken_since = 0.0
            if error is None:
                continue
            broken_since = broken_since or time.monotonic()
            hopeless = time.monotonic() - broken_since > self.patience
            if not isinstance(error, _TRANSIENT) or hopeless:
                self.fail(error)
                return
            time.sleep(backoff.next_pause())

    def _wait_for_work(self) -> bool:
        with self.changed:
            while self._outbox.is_empty:
                if self._finishing:
                    return False
                self.changed.wait()
            return True

    def _one_call(self) -> SessionSharingError | None:
        """Send and take acknowledgements until the call ends.

        Returns:
            Why it broke; None when it ended as it should.
        """
        with self.changed:
            self._call += 1
            self._outbox.rewind()
            requests = self._requests(self._call)
        try:
            self._answers = answers = self._append_stream(requests)
            for answer in answers:
                self._acknowledge(answer)
        except CALL_ERRORS as call_error:
            return self._explain(call_error)
        finally:
            with self.changed:
                self._call += 1  # its requests end, whatever they wait for
                self.changed.notify_all()
        early = self._outbox.batches > 0
        return ServerUnavailableError("The server ended the stream.") if early else None

    def _requests(self, call: int) -> Iterator[pb.AppendRequest]:
        while (request := self._next_request(call)) is not None:
            yield request

    def _next_request(self, call: int) -> pb.AppendRequest | None:
        """Wait for the next batch of a call; None when the call is over."""
        with self.changed:
            while call == self._call:
                request = self._outbox.next_unsent()
                if request is not None:
                    request.attachment = self._session.attachment
                    return request
                due = self._outbox.due_in()
                if self._finishing and due is None:
                    return None
                self.changed.wait(due)
            return None

    def _acknowledge(self, answer: pb.AppendResponse) -> None:
        with self.changed:
            self._outbox.acknowledge(answer.client_seq)
            self.progress = time.monotonic()
            self.changed.notify_all()

    def _explain(self, call_error: grpc.RpcError | ValueError) -> SessionSharingError:
        error = from_rpc_error(call_error)
        epoch = error.details.get("epoch")
        if isinstance(error, SessionExpiredError) and epoch not in (None, self._session.epoch):
            return ServerRestartedError("The server was restarted; reset() opens anew.")
        return error
