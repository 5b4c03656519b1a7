"""The sequences against the metadata of the plug-ins that they call."""

from __future__ import annotations

import subprocess

import pytest
from chain import Chain, installed_command
from environments import environment
from runs import RUNS, SequenceRun


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.sequence)
def test_a_sequence_fits_the_plugins_that_it_calls(chain: Chain, run: SequenceRun) -> None:
    done = subprocess.run(
        [
            installed_command(environment("station"), "platform-sim"),
            "check",
            f"--state-file={chain.platform_state}",
            str(chain.station / run.sequence),
        ],
        env=dict(chain.environment()),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    types, python, counts = done.stdout.splitlines()
    assert types.startswith("note: file: the file contains no type definitions")
    assert python.startswith("note: file: the virtual environment .venv")
    assert counts == "0 errors, 2 notes"
