"""The sequences again and again on one platform and one logger."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from processes import RUN_VARIABLE
from running_chain import running_chain
from runs import RUNS

REPETITIONS = 30


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_many_runs_leave_neither_processes_nor_descriptors_behind(tmp_path: Path) -> None:
    with running_chain(tmp_path) as chain:
        usage = []
        for _ in range(REPETITIONS):
            for run in RUNS:
                chain.run_sequence(run)
            usage.append(_usage(chain.run_id))
        chain.stop()
        chain.find_nothing_left()

    settled, last = usage[len(usage) // 3], usage[-1]
    assert last[0] == settled[0], usage
    assert last[1] <= settled[1] + 5, usage


def _usage(run_id: str) -> tuple[int, int]:
    """Return how many processes of the chain run, and how many file descriptors they have."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_VARIABLE) == run_id:
                found.append(process.num_fds())
        except psutil.Error:
            continue
    return len(found), sum(found)
