"""The script of the GitHub action starts a platform that NI's SDK finds in the later steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from new_project import new_author, wheels
from page_commands import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uv, which the test uses, is not there")

SCRIPT = ROOT / ".github" / "actions" / "setup-platform-sim" / "setup_platform_sim.py"
FIND_DISCOVERY = """
from ni.measurementlink.discovery.v1.client import DiscoveryClient
print([node.url for node in DiscoveryClient().enumerate_compute_nodes()])
"""


class Job:
    """A GitHub job: its steps share environment variables by files."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self._files = {name: folder / name for name in ("GITHUB_ENV", "GITHUB_PATH")}
        self._files["GITHUB_OUTPUT"] = folder / "GITHUB_OUTPUT"
        author = new_author(folder, wheels)
        inputs = {"PLUGINS": "", "BENCH": "", "FIND_LINKS": str(author.folder / "dist")}
        self._environment = {
            **author.environment,
            **{name: str(file) for name, file in self._files.items()},
            **inputs,
            "REQUIREMENT": "measurement-platform-sim",
            "RUNNER_TEMP": str(folder),
        }

    def step(self, *command: str) -> str:
        """Run a step with what the steps before it have written."""
        environment = {**self._environment, **self.variables()}
        path = self._lines("GITHUB_PATH") + [environment["PATH"]]
        environment["PATH"] = os.pathsep.join(path)
        done = subprocess.run(
            ["/usr/bin/env", *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def variables(self, name: str = "GITHUB_ENV") -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._lines(name))

    def _lines(self, name: str) -> list[str]:
        file = self._files[name]
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def end(self) -> None:
        """End what the job has started, as GitHub does."""
        for process in psutil.process_iter(["environ"]):
            if (process.info["environ"] or {}).get("GITHUB_ENV") == str(self._files["GITHUB_ENV"]):
                process.terminate()
                process.wait(60)


def test_later_steps_find_the_platform(tmp_path: Path) -> None:
    job = Job(tmp_path, wheels(tmp_path))
    try:
        assert "platform-sim is ready" in job.step(sys.executable, str(SCRIPT))
        address = job.variables("GITHUB_OUTPUT")["discovery-address"]

        assert job.variables()["PLATFORM_SIM_DISCOVERY"] == address
        assert address in job.step("platform-sim", "services")
        assert job.step(sys.executable, "-c", FIND_DISCOVERY) == "['localhost']\n"
    finally:
        job.end()
