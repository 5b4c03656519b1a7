"""Start, watch and end the process of one run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from platform_sim.errors import NotAvailableError
from platform_sim.exit_codes import describe_exit_code
from platform_sim.sequence_service.event_pipe import read_events
from platform_sim.sequence_service.job import RunJob
from platform_sim.v1 import sequences_pb2 as pb

_CHILD = Path(__file__).parent / "run_child"
_TAIL_BYTES = 4096
_NEW_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # exists on Windows only


class RunProcess:
    """A started process that runs a sequence. It leads its own process group.

    So Ctrl-C in the platform's terminal reaches only the platform, which lets Cleanup run.
    """

    def __init__(self, process: asyncio.subprocess.Process, output_file: Path) -> None:
        self._process = process
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
                    start_new_session=True,
                    creationflags=_NEW_GROUP,
                )
        except OSError as error:
            raise NotAvailableError(
                f"{job.sequence} cannot be run: {error}. Its output goes to {output_file}."
            ) from error
        return cls(process, output_file)

    async def events(self) -> AsyncIterator[pb.RunEvent]:
        """Yield the events that the process sends, until it closes the pipe."""
        assert self._process.stdout is not None
        async for event in read_events(self._process.stdout):
            yield event

    async def wait(self) -> str:
        """Wait for the end of the process, and return how it ended, such as "exit code 3"."""
        return describe_exit_code(await self._process.wait())

    def interrupt(self) -> None:
        """Interrupt the run as Ctrl-C does, by closing the process's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self) -> None:
        """End the process and its interpreters at once."""
        with suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is not None:
                return
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_output(self) -> str:
        """Return the end of the code modules' output."""
        with suppress(OSError), self._output_file.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
        return ""
