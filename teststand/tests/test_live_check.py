"""The sequences against the metadata of the plug-ins that they call."""

from __future__ import annotations

import subprocess

import pytest
from chain import Chain
from environments import environment
from runs import RUNS, SequenceRun


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.sequence)
def test_a_sequence_fits_the_plugins_that_it_calls(chain: Chain, run: SequenceRun) -> None:
    done = subprocess.run(
        [
            str(environment("station") / "bin" / "platform-sim"),
            "check",
            f"--state-file={chain.platform_state}",
            str(chain.station / run.sequence),
        ],
        env=dict(chain.environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    types, python, counts = done.stdout.splitlines()
    assert types.startswith("note: file: the file contains no type definitions")
    assert python.startswith("note: file: the virtual environment .venv")
    assert counts == "0 errors, 2 notes"
