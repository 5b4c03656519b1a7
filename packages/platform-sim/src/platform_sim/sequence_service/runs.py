"""Start and find the runs of a platform, and end them with the platform."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from platform_sim.errors import (
    InvalidRequestError,
    LimitReachedError,
    NotAvailableError,
    NotKnownError,
)
from platform_sim.sequence_service.folders import (
    PIN_MAP_SUFFIX,
    SEQUENCE_SUFFIX,
    FoundFile,
    SequenceFolders,
)
from platform_sim.sequence_service.job import RunJob
from platform_sim.sequence_service.process import RunProcess
from platform_sim.sequence_service.run import SequenceRun

MOST_RUNNING = 16
MOST_ENDED = 50
"""Number of ended runs that are kept."""


_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9._-]")
_LONGEST_NAME = 80
_LONGEST_UUT = 1000


class SequenceRuns:
    """The running runs, and those that ended lately. Call all methods on one event loop.

    Args:
        folders: The sequences that clients may start.
        discovery_address: HOST:PORT of the platform's discovery service.
        output_folder: Folder for the output of code modules and the results, with files for each
            run.
    """

    def __init__(
        self, folders: SequenceFolders, discovery_address: str, output_folder: Path
    ) -> None:
        self._folders = folders
        self._discovery_address = discovery_address
        self._output_folder = output_folder
        self._runs: dict[str, SequenceRun] = {}
        self._turn = asyncio.Lock()
        self._is_stopping = False

    async def files(self) -> list[FoundFile]:
        """Return the sequence files and the pin maps by path. See `SequenceFolders.files`."""
        return await asyncio.to_thread(self._folders.files)

    def all(self) -> list[SequenceRun]:
        """Return the runs in the order of their start."""
        return list(self._runs.values())

    def get(self, run_id: str) -> SequenceRun:
        """Return a run.

        Raises:
            NotKnownError: No run has this id, or it ended long ago.
        """
        if run_id not in self._runs:
            raise NotKnownError(
                f"The run {run_id!r} does not exist. The platform keeps only the last "
                f"{MOST_ENDED} runs that ended."
            )
        return self._runs[run_id]

    async def start(
        self, sequence: str, pin_map: str, sites: Sequence[int], uut: str = ""
    ) -> SequenceRun:
        """Start a run.

        Args:
            sequence: Absolute path of the sequence file.
            pin_map: Absolute path of the pin map to use instead of the sequence's own, or "".
            sites: Sites to measure on, none for all.
            uut: Serial number of the unit under test, or "".

        Raises:
            InvalidRequestError: A path is not that of a file of its kind in the folders, or the
                serial number is too long.
            NotKnownError: A file does not exist.
            UntrustedFileError: Another user could have changed a file.
            LimitReachedError: Too many runs are running.
            NotAvailableError: The platform is stopping, or the process cannot be started.
        """
        if len(uut) > _LONGEST_UUT:
            raise InvalidRequestError(
                f"The serial number has {len(uut)} characters, and at most {_LONGEST_UUT} may be."
            )
        file = await asyncio.to_thread(self._folders.find, sequence, SEQUENCE_SUFFIX)
        if pin_map:
            pin_map = str(await asyncio.to_thread(self._folders.find, pin_map, PIN_MAP_SUFFIX))
        job = RunJob(str(file), self._discovery_address, pin_map, tuple(sites), uut)
        # If the caller disconnects meanwhile, the process must still be recorded.
        return await asyncio.shield(self._start(job, file.stem))

    async def stop(self, grace: float) -> None:
        """Terminate all runs, and kill those whose Cleanup takes longer than `grace` seconds."""
        async with self._turn:
            self._is_stopping = True
        going_on = [run for run in self._runs.values() if run.ended is None]
        for run in going_on:
            run.terminate()
        ends = [asyncio.ensure_future(run.wait()) for run in going_on]
        if ends:
            await asyncio.wait(ends, timeout=grace)
            for run in going_on:
                run.terminate(without_cleanup=True)
            await asyncio.wait(ends)

    async def _start(self, job: RunJob, name: str) -> SequenceRun:
        run_id = secrets.token_hex(8)
        file_name = f"{_NOT_IN_NAMES.sub('_', name)[:_LONGEST_NAME]}-{run_id}.log"
        output_file = self._output_folder / file_name
        job = replace(job, junit_file=str(output_file.with_suffix(".junit.xml")))
        async with self._turn:
            self._refuse_too_many()
            process = await RunProcess.start(job, output_file)
            run = SequenceRun(run_id, job, process, output_file)
            self._runs[run_id] = run
        self._forget_old()
        return run

    def _refuse_too_many(self) -> None:
        if self._is_stopping:
            raise NotAvailableError("The platform is stopping, so it starts no sequence.")
        going_on = sum(run.ended is None for run in self._runs.values())
        if going_on >= MOST_RUNNING:
            raise LimitReachedError(
                f"{going_on} runs are running, and at most {MOST_RUNNING} may. Wait until one "
                "ends, or terminate one."
            )

    def _forget_old(self) -> None:
        ended = [run.run_id for run in self._runs.values() if run.ended is not None]
        for run_id in ended[:-MOST_ENDED]:
            del self._runs[run_id]
