"""The sequences against the metadata of the plug-ins that they call."""

from __future__ import annotations

import subprocess
from pathlib import Path

from chain import RUNS
from environments import environment
from running_chain import running_chain


def test_the_sequences_fit_the_plugins_that_they_call(tmp_path: Path) -> None:
    with running_chain(tmp_path) as chain:
        for name, _ in RUNS:
            done = subprocess.run(
                [
                    str(environment("station") / "bin" / "platform-sim"),
                    "check",
                    f"--state-file={chain.platform_state}",
                    str(chain.work / "station" / name),
                ],
                env=dict(chain.environment()),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout.endswith("0 errors, 1 notes\n")
