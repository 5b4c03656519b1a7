"""Start, watch and end the process of one run."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from platform_sim.errors import NotAvailableError
from platform_sim.exit_codes import describe_exit_code
from platform_sim.process_tree import START_OPTIONS, ProcessTree
from platform_sim.sequence_service.event_pipe import read_events
from platform_sim.sequence_service.job import RunJob
from platform_sim.v1 import sequences_pb2 as pb

_CHILD = Path(__file__).parent / "run_child"
_TAIL_BYTES = 4096


class RunProcess:
    """A started process that runs a sequence. It is the first of its own process tree.

    So Ctrl-C in the platform's terminal reaches only the platform, which lets Cleanup run.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, tree: ProcessTree, output_file: Path
    ) -> None:
        self._process = process
        self._tree = tree
        self._output_file = output_file

    @classmethod
    async def start(cls, job: RunJob, output_file: Path) -> RunProcess:
        """Start a process.

        Args:
            job: The job of the process.
            output_file: File for the output of its code modules.

        Raises:
            NotAvailableError: The process cannot be started, or the file cannot be written.
        """
        try:
            with output_file.open("wb") as output:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, str(_CHILD), job.to_argument()),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    **START_OPTIONS,
                )
            tree = ProcessTree(process.pid)
        except OSError as error:
            raise NotAvailableError(
                f"{job.sequence} cannot be run: {error}. Its output goes to {output_file}."
            ) from error
        return cls(process, tree, output_file)

    async def events(self) -> AsyncIterator[pb.RunEvent]:
        """Yield the events that the process sends, until it closes the pipe."""
        assert self._process.stdout is not None
        async for event in read_events(self._process.stdout):
            yield event

    async def wait(self) -> str:
        """Wait for the end of the process, and return how it ended, such as "exit code 3"."""
        code = await self._process.wait()
        self._tree.close()
        return describe_exit_code(code)

    def interrupt(self) -> None:
        """Interrupt the run as Ctrl-C does, by closing the process's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self) -> None:
        """End the process and its interpreters at once."""
        if self._process.returncode is None:
            self._tree.kill()

    def last_output(self) -> str:
        """Return the end of the code modules' output."""
        with suppress(OSError), self._output_file.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
        return ""
