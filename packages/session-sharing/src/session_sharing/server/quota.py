"""Count the bytes, streams and reading turns that calls use."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass

from session_sharing.core.admission import Shares

_SENT_AT_ONCE = 16 * 1024
"""Bytes that gRPC buffers for sending even if the client does not read."""
_LONGEST_ARRIVAL = 30.0
"""Seconds that a request may take to arrive."""
_LONGEST_ARRIVAL_WHEN_OTHERS_WAIT = 1.0
"""The same while other calls wait for their turn."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Limits of all calls of one server together. Several identities share each limit."""

    max_message_bytes: int = 4 * 1024 * 1024
    """Largest message, in bytes, of calls that carry data. Set it when one record or block is
    larger."""
    max_request_bytes: int = 256 * 1024
    """Largest request of all other calls, in bytes. Set it when names and options need more."""
    max_bytes: int = 256 * 1024 * 1024
    """Bytes of requests and answers that the server holds at a time. Set it by the memory that the
    server may use."""
    max_streams: int = 4_000
    """Streams open at a time, over all connections. Each client with presence has one. Set it
    higher when more clients are connected at once."""
    max_request_streams: int = 64
    """Streams among them on which clients send data. Set it higher when more clients do so at once.
    """
    max_reads: int = 64
    """Requests that the server reads at a time; the other calls wait, at most `max_streams` of
    them. Set it lower when the memory for requests is scarce."""


class Quota:
    """Everything that the calls of one server hold together. Used in its event loop only."""

    def __init__(self, limits: CallLimits, *, fair: bool) -> None:
        """Start with nothing held; `fair` leaves room for other identities."""
        self.limits = limits
        self.bytes = Shares(
            "bytes of requests and answers", limits.max_bytes, fair=fair, limit="bytes_under_way"
        )
        self.streams = Shares("streams", limits.max_streams, fair=fair)
        self.request_streams = Shares("streams", limits.max_request_streams, fair=fair)
        self.turns = Turns(
            Shares("requests that arrive", limits.max_reads, fair=fair, limit="reads"),
            Shares("waiting calls", limits.max_streams, fair=fair, limit="calls"),
        )


class Held:
    """Bytes and streams that one call holds; all are released when the call ends."""

    __slots__ = ("_over", "_principal", "_quota", "_streams", "_taken")

    def __init__(self, quota: Quota, principal: str) -> None:
        self._quota = quota
        self._principal = principal
        self._taken = 0
        self._over = False
        """The call has ended. A reader of its requests that still runs takes nothing more."""
        self._streams: list[Shares] = []

    def take_bytes(self, count: int) -> None:
        """Count bytes that the server holds for the call.

        Raises:
            LimitExceededError: The server holds too many, or the identity has its share.
        """
        if self._over:
            return
        self._quota.bytes.check_room(self._principal, count)
        self._quota.bytes.take(self._principal, count)
        self._taken += count

    def release_bytes(self, count: int) -> None:
        """Count bytes that the server does not hold any more."""
        count = min(count, self._taken)
        if count:
            self._quota.bytes.release(self._principal, count)
            self._taken -= count

    def take_stream(self, *, of_requests: bool) -> None:
        """Count a stream, which costs the server about 40 kB while it is open.

        Args:
            of_requests: The client sends on it; each such stream may hold a part of a message.

        Raises:
            LimitExceededError: There are too many, or the identity has its share.
        """
        quota = self._quota
        for shares in (quota.streams, quota.request_streams) if of_requests else (quota.streams,):
            shares.check_room(self._principal)
            shares.take(self._principal)
            self._streams.append(shares)

    def end_when_sent(self) -> None:
        """Release everything: a large answer at the end of the current task, others at once."""
        if self._taken <= _SENT_AT_ONCE:
            self.end()
        elif (task := asyncio.current_task()) is not None:
            task.add_done_callback(self.end)

    def end(self, _: object = None) -> None:
        """Release everything."""
        self._over = True
        self.release_bytes(self._taken)
        for shares in self._streams:
            shares.release(self._principal)
        self._streams.clear()


@dataclass(slots=True, eq=False)
class Turn:
    """One call whose request is being read."""

    turns: Turns
    principal: str
    task: asyncio.Task[object]
    began: float
    """When the turn began, to a tenth of a second, on the monotonic clock."""
    is_over: bool = False
    """The request took too long, so that its task was cancelled."""

    def end(self) -> None:
        """End the turn, so that another request is read; a second call does nothing."""
        self.turns.end(self)


class Turns:
    """Limits how many requests are read at a time; identities take turns.

    A request that arrives can take as much memory as the largest message, and its size is not known
    before. Most requests arrive together with their call, so that no call waits.
    """

    def __init__(self, shares: Shares, waiting: Shares) -> None:
        """Start without turns; `shares` counts requests that are read, `waiting` waiting calls."""
        self._shares = shares
        self._waiting_shares = waiting
        self._now = time.monotonic()
        self._reading: dict[Turn, None] = {}
        """The oldest first."""
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def total(self) -> int:
        """How many requests are being read."""
        return len(self._reading)

    def may_begin(self, principal: str) -> bool:
        """Return whether one more request of an identity may be read without waiting."""
        return principal not in self._waiting and self._shares.has_room(principal)

    def begin(self, principal: str) -> Turn:
        """Begin to read the request of the current task, after `may_begin`."""
        self._shares.take(principal)
        return self._enter(principal)

    async def wait(self, principal: str) -> Turn:
        """Wait until one more request of the identity may be read, and begin.

        Raises:
            LimitExceededError: Too many calls wait.
        """
        self._waiting_shares.check_room(principal)
        self._waiting_shares.take(principal)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(principal, deque()).append(ready)
        try:
            await ready
        except asyncio.CancelledError:
            if ready.done():
                self._shares.release(principal)
                self._wake()
            else:
                self._forget(principal, ready)
            raise
        finally:
            self._waiting_shares.release(principal)
        return self._enter(principal)

    def end(self, turn: Turn) -> None:
        """See `Turn.end`."""
        if turn in self._reading:
            del self._reading[turn]
            self._shares.release(turn.principal)
            if self._waiting:
                self._wake()

    def end_slow(self, now: float) -> None:
        """End calls whose requests arrive too slowly, so that others are read; call it often.

        Args:
            now: Time on the monotonic clock.
        """
        self._now = now
        wanted = sum(map(len, self._waiting.values()))
        for turn in list(self._reading):
            waited = now - turn.began
            if waited < _LONGEST_ARRIVAL_WHEN_OTHERS_WAIT:
                continue
            is_in_the_way = turn.principal in self._waiting or self._shares.free == 0
            if waited >= _LONGEST_ARRIVAL or (wanted > 0 and is_in_the_way):
                turn.is_over = True
                turn.task.cancel()
                wanted -= 1

    def _enter(self, principal: str) -> Turn:
        task = asyncio.current_task()
        assert task is not None
        turn = Turn(self, principal, task, self._now)
        self._reading[turn] = None
        return turn

    def _wake(self) -> None:
        """Begin the turns for which there is room now, one identity after the other."""
        for principal in list(self._waiting):
            if self._shares.has_room(principal):
                ready = self._waiting[principal][0]
                self._forget(principal, ready)
                if principal in self._waiting:
                    self._waiting.move_to_end(principal)
                self._shares.take(principal)
                ready.set_result(None)

    def _forget(self, principal: str, ready: asyncio.Future[None]) -> None:
        queue = self._waiting[principal]
        queue.remove(ready)
        if not queue:
            del self._waiting[principal]
