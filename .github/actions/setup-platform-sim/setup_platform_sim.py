"""Install platform-sim, start it, and tell the later steps of a GitHub job where it is.

It reads PLUGINS, BENCH, FIND_LINKS and REQUIREMENT, the inputs of action.yml, and GitHub's own
variables. The platform runs until the job ends. It needs Python 3.10 only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

READY = "platform-sim is ready"
PATIENCE = 120.0
"""Seconds in which the platform must be ready."""

_PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def main() -> None:
    """Do the steps of the action."""
    folder = Path(os.environ["RUNNER_TEMP"]) / "platform-sim"
    programs = install(folder / "venv", os.environ["REQUIREMENT"], os.environ["FIND_LINKS"])
    platform_sim = shutil.which("platform-sim", path=str(programs)) or "platform-sim"
    state_file = folder / "state.json"
    start(platform_sim, state_file, folder / "platform-sim.log")
    address = json.loads(state_file.read_text(encoding="utf-8"))["discovery_address"]
    variables = changed_variables(platform_sim, state_file)
    append("GITHUB_ENV", {**variables, "PLATFORM_SIM_STATE_FILE": str(state_file)})
    append("GITHUB_OUTPUT", {"discovery-address": address})
    with Path(os.environ["GITHUB_PATH"]).open("a", encoding="utf-8") as file:
        file.write(f"{programs}\n")
    sys.stdout.write(f"{READY}: discovery {address}\n")


def install(environment: Path, requirement: str, find_links: str) -> Path:
    """Install a requirement into a new environment, and return the folder of its programs."""
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    links = ["--find-links", find_links] if find_links else []
    uv = shutil.which("uv")
    if uv:
        run(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
        run(uv, "pip", "install", "--quiet", "--python", str(environment), *links, requirement)
    else:
        run(sys.executable, "-m", "venv", str(environment))
        run(str(programs / "python"), "-m", "pip", "install", "--quiet", *links, requirement)
    return programs


def start(platform_sim: str, state_file: Path, log: Path) -> None:
    """Start the platform, which outlives this process, and wait until it is ready."""
    command = [platform_sim, "up", "--state-file", str(state_file)]
    for plugins in os.environ["PLUGINS"].splitlines():
        if plugins.strip():
            command += ["--plugins", plugins.strip()]
    if os.environ["BENCH"]:
        command += ["--bench", os.environ["BENCH"]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE
    while READY not in (said := log.read_text(encoding="utf-8", errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{said}\nThe platform is not ready. Its output is above.")
        time.sleep(0.1)


def changed_variables(platform_sim: str, state_file: Path) -> dict[str, str]:
    """Return the environment variables by which NI's SDK finds the platform."""
    find = [platform_sim, "exec", "--state-file", str(state_file), "--", sys.executable, "-c"]
    done = subprocess.run(
        [*find, _PRINT_ENVIRONMENT], stdout=subprocess.PIPE, text=True, check=True
    )
    there: dict[str, str] = json.loads(done.stdout)
    return {name: text for name, text in there.items() if os.environ.get(name) != text}


def append(name: str, values: Mapping[str, str]) -> None:
    """Append values to one of GitHub's files."""
    with Path(os.environ[name]).open("a", encoding="utf-8") as file:
        file.writelines(f"{key}={text}\n" for key, text in values.items())


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
