"""One run of a sequence, and all of its events for the clients that watch it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from platform_sim.errors import NotKnownError
from platform_sim.sequence_service.job import RunJob
from platform_sim.sequence_service.process import RunProcess
from platform_sim.v1 import sequences_pb2 as pb

_PART_BYTES = 2**16


class SequenceRun:
    """A run that is running or has ended. Call all methods on the platform's event loop.

    Args:
        run_id: Name of the run.
        job: The sequence and its options.
        process: Its process, which was just started.
        output_file: File with the output of its code modules.
    """

    def __init__(self, run_id: str, job: RunJob, process: RunProcess, output_file: Path) -> None:
        self.run_id = run_id
        self.job = job
        self.output_file = output_file
        self.started_at = time.time()
        self.is_terminating = False
        self.ended: pb.RunEnded | None = None
        self._process = process
        self._events: list[pb.RunEvent] = []
        self._news = asyncio.Event()
        self._following = asyncio.ensure_future(self._follow())

    def terminate(self, *, without_cleanup: bool = False) -> None:
        """Interrupt the run, so that Cleanup follows. A second call does nothing.

        Args:
            without_cleanup: Whether to end its process at once instead.
        """
        if self.ended is None:
            self.is_terminating = True
            self._process.interrupt()
            if without_cleanup:
                self._process.kill()

    async def wait(self) -> None:
        """Wait for the end of the run."""
        await asyncio.shield(self._following)

    async def watch(self, first_number: int = 1) -> AsyncIterator[pb.RunEvent]:
        """Yield the events so far, then new ones. The last one is `ended`.

        Args:
            first_number: Number of the first event to yield, from 1.
        """
        position = max(first_number, 1) - 1
        while True:
            news = self._news
            for event in self._events[position:]:
                yield event
                position += 1
            if self.ended is not None and position >= len(self._events):
                return
            if news is self._news:
                await news.wait()

    async def read_output(self) -> AsyncIterator[bytes]:
        """Yield the output of the code modules so far, in parts."""
        async for part in _read(self.output_file):
            yield part

    async def read_junit(self) -> AsyncIterator[bytes]:
        """Yield the results as JUnit XML, in parts.

        Raises:
            NotKnownError: The run has no such file.
        """
        file = Path(self.job.junit_file)
        if self.ended is None or not file.is_file():
            why = "it has not ended" if self.ended is None else "it was refused, killed or crashed"
            raise NotKnownError(
                f"The run {self.run_id} has no JUnit report, because {why}. Watch has its events."
            )
        async for part in _read(file):
            yield part

    async def _follow(self) -> None:
        """Store the events of the process. Store the last one only when the process has ended."""
        last = None
        async for event in self._process.events():
            if event.HasField("ended"):
                last = event
            else:
                self._add(event)
        how = await self._process.wait()
        self._add(last or self._aborted(how))

    def _aborted(self, how: str) -> pb.RunEvent:
        output = self._process.last_output()
        message = f"The run's process ended with {how} before the run ended."
        if output:
            message += f" Its last output ({self.output_file}):\n{output}"
        event = pb.RunEvent(ended=pb.RunEnded(outcome=pb.OUTCOME_ABORTED, message=message))
        event.at.GetCurrentTime()
        return event

    def _add(self, event: pb.RunEvent) -> None:
        event.number = len(self._events) + 1
        self._events.append(event)
        if event.HasField("ended"):
            self.ended = event.ended
        self._news.set()
        self._news = asyncio.Event()


async def _read(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while part := await asyncio.to_thread(file.read, _PART_BYTES):
            yield part
