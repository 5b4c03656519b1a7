"""Handle Ctrl-C and SIGTERM in a run: they interrupt a step, never the code between steps.

Python raises KeyboardInterrupt anywhere in the main thread. Between two steps that would skip
Cleanup, and nothing would release the resources of the sequence.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType


class Interrupts:
    """The signals that interrupt a run. Use it in a with statement, in the main thread.

    Without the with statement only Python's own KeyboardInterrupt interrupts a run.
    """

    def __init__(self) -> None:
        self._is_pending = False
        self._may_raise = False

    def __enter__(self) -> Interrupts:
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def take(self) -> bool:
        """Return whether a signal came that interrupted nothing, and forget the signal."""
        was_pending, self._is_pending = self._is_pending, False
        return was_pending

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Allow a signal to raise KeyboardInterrupt inside, one time and nowhere else."""
        self._may_raise = True
        try:
            if self.take():
                raise KeyboardInterrupt
            yield
        finally:
            self._may_raise = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._may_raise:
            self._is_pending = True
            return
        self._may_raise = False
        raise KeyboardInterrupt
