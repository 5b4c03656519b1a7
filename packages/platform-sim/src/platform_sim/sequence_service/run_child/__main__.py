"""The process of one run: run a sequence as `platform-sim run` does, and send its events.

The platform runs it as a script: `python run_child JOB`. The events go to standard output. When
standard input is closed, as also by the platform's death, the run is interrupted and Cleanup runs.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
from pathlib import Path

sys.path.pop(0)  # this folder; no import may use it

from platform_sim.errors import PlatformSimError
from platform_sim.hook import hooked_environment
from platform_sim.sequence.interrupts import Interrupts
from platform_sim.sequence.reports import bad_step_line, write_junit
from platform_sim.sequence.results import RunResult
from platform_sim.sequence.runner import run_sequence_file
from platform_sim.sequence_service.event_writer import EventWriter
from platform_sim.sequence_service.job import RunJob
from platform_sim.v1 import sequences_pb2 as pb
from session_sharing.starter import when_starter_goes

Ending = tuple[pb.Outcome.ValueType, str]


def main() -> None:
    """Run the sequence of the job."""
    job = RunJob.from_argument(sys.argv[1])
    events = EventWriter(_take_standard_output())
    # Standard input may end after the run. Then there is no run to interrupt.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts:
        when_starter_goes(_thread.interrupt_main)
        ending = _run(job, events, interrupts)
    events.ended(*ending)


def _take_standard_output() -> int:
    """Return a file descriptor of standard output. All other output goes to standard error."""
    events = os.dup(1)
    os.dup2(2, 1)
    return events


def _run(job: RunJob, events: EventWriter, interrupts: Interrupts) -> Ending:
    try:
        result = run_sequence_file(
            Path(job.sequence),
            discovery_address=job.discovery_address,
            environment=hooked_environment(job.discovery_address, os.environ),
            listener=events,
            pin_map=Path(job.pin_map) if job.pin_map else None,
            sites=job.sites,
            uut=job.uut,
            interrupts=interrupts,
        )
    except PlatformSimError as error:
        return pb.OUTCOME_REFUSED, str(error)
    except KeyboardInterrupt:
        return pb.OUTCOME_ABORTED, "A second signal to the run's process ended its Cleanup."
    if job.junit_file:
        _write_junit(result, Path(job.junit_file), events)
    return _ending_of(result)


def _write_junit(result: RunResult, path: Path, events: EventWriter) -> None:
    try:
        write_junit(result, path)
    except OSError as error:
        events.note(f"The results as JUnit XML are missing. {path}: {error.strerror}.")


def _ending_of(result: RunResult) -> Ending:
    if result.passed:
        return pb.OUTCOME_PASSED, ""
    if result.interrupted:
        return pb.OUTCOME_TERMINATED, "The run was terminated. Cleanup ran."
    return pb.OUTCOME_FAILED, "\n".join(map(bad_step_line, result.bad_steps))


if __name__ == "__main__":
    main()
