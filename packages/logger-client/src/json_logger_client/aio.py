"""Log measurements from programs that use asyncio.

The classes here are those of `json_logger_client` for an event loop: the same sender, sessions and
errors. No call blocks the event loop. A cancelled call ends at once; its record is still written,
or the end of the `async with` block raises the error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from session_sharing import ConnectionClosedError, SessionSharingError
from session_sharing.client import (
    Connection,
    ConnectOptions,
    InitializationBehavior,
    SessionOptions,
)
from session_sharing.client.background import Bell, start_thread

from json_logger_client.client import JsonLoggerClient
from json_logger_client.encoding import encode_record
from json_logger_client.outbox import StreamOptions
from json_logger_client.record_context import RecordContext, SessionContext
from json_logger_client.stream import LogStream
from json_logger_client.waveforms import SHORTEST_WAVEFORM

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncJsonLoggerClient", "AsyncLogStream"]

_Result = TypeVar("_Result")
_TURN = 0.005
"""Seconds for which a stream may take records before other tasks of the event loop get a turn."""


class AsyncJsonLoggerClient:
    """A session on a shared log file, for an event loop.

    Open it by the file's name, in an `async with` block::

        async with AsyncJsonLoggerClient("measurements.ndjson") as log:
            await log.log_data("leakage", {"voltage": 3.3}, {"current": [1.2e-9, 1.4e-9]})

    It works as `JsonLoggerClient` does. Several tasks may use it; the records of each task keep
    their order. Encoding a record is the only work in the event loop.
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        initialization_behavior: InitializationBehavior = InitializationBehavior.AUTO,
        *,
        connection: Connection | ConnectOptions | None = None,
        options: SessionOptions | None = None,
        reset_after_restart: bool = False,
        shortest_waveform: int = SHORTEST_WAVEFORM,
        context: SessionContext | None = None,
    ) -> None:
        """Prepare the session. The beginning of the `async with` block opens the log.

        Args:
            file_path: As for `JsonLoggerClient`, and so are the other arguments.
            initialization_behavior: Whether to create the session or attach to it, and what happens
                at the end of the block.
            connection: How to reach the server, or a connection, which the caller closes.
            options: More settings of the session.
            reset_after_restart: After a restart of the server, open the log again automatically.
            shortest_waveform: Numbers from which on a numpy array is written as a waveform.
            context: What all records of the session have in common.
        """
        self._open_client = partial(
            _LoopClient,
            file_path,
            initialization_behavior,
            connection=connection,
            options=options,
            reset_after_restart=reset_after_restart,
            shortest_waveform=shortest_waveform,
            context=context,
        )
        self._client: _LoopClient | None = None

    @property
    def path(self) -> str:
        """Absolute path of the file on the server's host."""
        return self._opened.path

    @property
    def session_name(self) -> str:
        """Name of the session on the server."""
        return self._opened.session_name

    @property
    def new_session(self) -> bool:
        """Whether this object's opening created the session."""
        return self._opened.new_session

    async def log_data(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
        *,
        context: RecordContext | None = None,
    ) -> int:
        """Append one record, and return when it is as safe as the server's durability says.

        Values, result and errors are those of `JsonLoggerClient.log_data`.

        Raises:
            SessionSharingError: The record is not known to be in the file.
        """
        return await self._opened.log_in_loop(
            measurement_name, measurement_configurations, measurement_outputs, timestamp, context
        )

    def stream(self, options: StreamOptions | None = None) -> AsyncLogStream:
        """Open a stream for high rates: it sends records in batches, and does not wait for answers.

        Use it in an `async with` block::

            async with log.stream() as stream:
                async for sample in samples:
                    await stream.log("scope", {"channel": 0}, {"waveform": sample})

        Args:
            options: When a batch is sent.
        """
        return self._opened.stream_in_loop(options)

    async def set_context(self, context: SessionContext) -> None:
        """Say what the following records of the session have in common, whoever writes them.

        Raises:
            SessionSharingError: As `JsonLoggerClient.set_context`.
        """
        await _in_thread(partial(self._opened.set_context, context))

    async def detach(self) -> None:
        """End this attachment now, as leaving the `async with` block does.

        Raises:
            SessionSharingError: As `JsonLoggerClient.detach`.
        """
        await _in_thread(self._opened.detach)

    async def close(self) -> None:
        """Close the session, whatever the behavior; the close policy says when it takes effect.

        Raises:
            SessionSharingError: As `JsonLoggerClient.close`.
        """
        await _in_thread(self._opened.close)

    async def reset(self) -> None:
        """Open the log again, and send the records that were not acknowledged before.

        Raises:
            SessionSharingError: The log cannot be opened, or a record cannot be written.
        """
        await _in_thread(self._opened.reset)

    @property
    def _opened(self) -> _LoopClient:
        if self._client is None:
            raise ConnectionClosedError(
                "The log is not open. Use AsyncJsonLoggerClient in an `async with` block."
            )
        return self._client

    async def __aenter__(self) -> Self:
        self._client = await _in_thread(self._open_client, undo=_leave_quietly)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _in_thread(partial(self._opened.__exit__, kind, error, traceback))


class AsyncLogStream:
    """Sends records to one log in batches, in their order.

    `AsyncJsonLoggerClient.stream` returns it. Use it in an `async with` block, and call `log` for
    each record.
    """

    def __init__(self, stream: _LoopStream) -> None:
        """Wrap a stream of the client."""
        self._stream = stream

    @property
    def unacknowledged(self) -> int:
        """Number of records that are not known to be in the file."""
        return self._stream.unacknowledged

    async def log(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
        *,
        context: RecordContext | None = None,
    ) -> None:
        """Take one record to send it soon. `flush` makes it safe.

        This waits while too many bytes are unacknowledged; other tasks go on. A record that was
        taken is written; otherwise `flush` and the end of the block raise the error. A call that is
        cancelled while it waits has not taken the record.

        Raises:
            SessionSharingError: As `LogStream.log`.
        """
        await self._stream.log_in_loop(
            measurement_name, measurement_configurations, measurement_outputs, timestamp, context
        )

    async def flush(self) -> None:
        """Wait until every record is as safe as the server's durability says.

        Raises:
            SessionSharingError: As `LogStream.flush`.
        """
        await _in_thread(self._stream.flush)

    async def close(self) -> None:
        """Flush and end the stream. The session stays open.

        Raises:
            SessionSharingError: As `LogStream.close`.
        """
        await _in_thread(self._stream.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _in_thread(partial(self._stream.__exit__, kind, error, traceback))


class _LoopClient(JsonLoggerClient):
    """A client whose frequent calls wait in an event loop instead of a thread."""

    async def log_in_loop(
        self,
        name: str,
        configurations: Mapping[str, Any],
        outputs: Mapping[str, Any],
        timestamp: datetime | None,
        context: RecordContext | None,
    ) -> int:
        self.owner.check()
        record = encode_record(
            name,
            configurations,
            outputs,
            timestamp,
            self._shortest_waveform,
            context,
            self._calls.memory,
        )
        ticket = self._ticket(record)
        ticket.bell = bell = _LoopBell()
        sender = self._calls
        sender.ask(ticket)
        began = time.monotonic()
        try:
            while not ticket.settled:
                if not await bell.wait_in_loop(sender.next_wait(began)):
                    sender.keep_running()
        except BaseException:
            sender.stop_waiting(ticket)
            raise
        return sender.seq_of(ticket)

    def stream_in_loop(self, options: StreamOptions | None) -> AsyncLogStream:
        sender = self._stream_sender(options)
        return AsyncLogStream(_LoopStream(sender, self.owner, self._shortest_waveform))


class _LoopStream(LogStream):
    """A stream that waits for room in an event loop instead of a thread."""

    _turn_ends = 0.0

    async def log_in_loop(
        self,
        name: str,
        configurations: Mapping[str, Any],
        outputs: Mapping[str, Any],
        timestamp: datetime | None,
        context: RecordContext | None,
    ) -> None:
        now = time.monotonic()
        if now >= self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = time.monotonic() + _TURN
        self._owner.check()
        record = encode_record(
            name,
            configurations,
            outputs,
            timestamp,
            self._shortest_waveform,
            context,
            self._sender.memory,
        )
        self._sender.check_size(record)
        await self._wait_for_room(record.size)
        self._put(record)

    async def _wait_for_room(self, size: int) -> None:
        sender = self._sender
        began = time.monotonic()
        while not sender.may_go_on(size):
            bell = _LoopBell()
            sender.room.ring_next(bell)
            if not sender.may_go_on(size):
                await bell.wait_in_loop(sender.next_wait(began))
        if sender.error is not None:
            raise sender.error


class _LoopBell(Bell):
    """Wakes one waiting task of an event loop; any thread may ring."""

    __slots__ = ("_loop", "_rung")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._rung = self._loop.create_future()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the task
            self._loop.call_soon_threadsafe(self._set)

    async def wait_in_loop(self, seconds: float) -> bool:
        """Wait for a ring; False when there was none in time."""
        await asyncio.wait([self._rung], timeout=seconds)
        return self._rung.done()

    def _set(self) -> None:
        if not self._rung.done():
            self._rung.set_result(None)


async def _in_thread(
    work: Callable[[], _Result], undo: Callable[[_Result], object] = lambda _: None
) -> _Result:
    """Do blocking work in a thread of its own.

    Args:
        work: The work. It goes on when the caller is cancelled.
        undo: Called with the result, in the thread, when the caller was cancelled.

    Raises:
        Exception: The error of the work.
    """
    done: Future[_Result] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            with contextlib.suppress(InvalidStateError):  # the caller was cancelled
                done.set_exception(error)
            return
        try:
            done.set_result(result)
        except InvalidStateError:
            undo(result)

    start_thread(run, "log-call")
    try:
        return await asyncio.wrap_future(done)
    except asyncio.CancelledError:
        if not done.cancel() and done.exception() is None:
            start_thread(partial(undo, done.result()), "log-call")
        raise


def _leave_quietly(client: _LoopClient) -> None:
    with contextlib.suppress(SessionSharingError):
        client.detach()
