"""Let a call wait for what happens on the timeline, while other calls run."""

from __future__ import annotations

import threading
from collections.abc import Callable

from device_sim.call import Call, check_active, wake_on_end
from device_sim.clock import Clock
from device_sim.timeline import Timeline

Poll = Callable[[float], "float | None"]
"""Called with the time. It returns None to end the wait, or the time to ask again."""

_LONGEST_WAIT = 1e6  # Seconds; a longer wait has no end.
_SHORTEST_SLEEP = 50e-6  # Seconds from one look at busy instruments to the next.


class Waiting:
    """The waits of one session.

    Args:
        clock: The server's clock.
        timeline: The timeline. It is brought to the present before each poll.
        lock: A condition of the timeline's lock, held by the waiting call.
        catch_up: Called with the time before each poll: do what is done late unless somebody asks.
    """

    def __init__(
        self,
        clock: Clock,
        timeline: Timeline,
        lock: threading.Condition,
        catch_up: Callable[[float], None] = lambda now: None,
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._lock = lock
        self._catch_up = catch_up

    def wait(
        self,
        call: Call,
        poll: Poll,
        deadline: float = float("inf"),
        *,
        listens: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until `poll` returns None.

        Args:
            call: The waiting call. If it is cancelled, the wait ends at once.
            poll: Says whether the wait is over.
            deadline: The latest end of the wait.
            listens: Return whether a part of another instrument may end the wait.

        Returns:
            True if `poll` ended the wait, False at the deadline.

        Raises:
            CallCancelledError: The caller disconnected or cancelled.
        """
        if self._ask(poll, self._clock.now()) is None:
            return True
        deadline = min(deadline, self._clock.now() + _LONGEST_WAIT)
        wake_on_end(call, self._lock)
        while True:
            check_active(call)
            now = self._clock.now()
            again = self._ask(poll, now)
            if again is None or now >= deadline:
                return again is None
            if not listens():
                self._clock.wait(self._lock, min(again, deadline) - now)
                continue
            again = min(again, max(self._timeline.following(now), now + _SHORTEST_SLEEP))
            with self._timeline.waking(self._lock):
                self._clock.wait(self._lock, min(again, deadline) - now)

    def watch(self, call: Call, poll: Poll) -> None:
        """Wait without an end until `poll` returns None. This never moves a virtual clock.

        Raises:
            CallCancelledError: The caller disconnected or cancelled.
        """
        wake_on_end(call, self._lock)
        while (again := self._ask(poll, self._clock.now())) is not None:
            check_active(call)
            now = self._clock.now()
            with self._timeline.waking(self._lock):
                self._clock.watch(self._lock, max(again - now, _SHORTEST_SLEEP))

    def _ask(self, poll: Poll, now: float) -> float | None:
        self._timeline.advance(now)
        self._catch_up(now)
        return poll(now)
