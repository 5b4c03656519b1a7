"""The commands in the files for containers and services are commands that our programs take."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import environment
from page_commands import ROOT, new_account

DEPLOY = ROOT / "deploy"
PROGRAMS = ("platform-sim", "json-logger", "measurement-console")
PATIENCE = 120.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the files are for containers and systemd")


def programs() -> str:
    """Return the PATH of the environments in which the packages are installed."""
    folders = [str(environment(name) / "bin") for name in ("station", "server", "console")]
    return os.pathsep.join([*dict.fromkeys(folders), os.environ["PATH"]])


def is_there(program: str) -> bool:
    return shutil.which(program, path=programs()) is not None


def program_of(command: list[str]) -> str:
    """Return the program that serves: the last one, behind `platform-sim exec --`."""
    return [word for word in command if word in PROGRAMS][-1]


@contextmanager
def healthy(service: dict[str, Any], folder: Path, account: dict[str, str]) -> Iterator[None]:
    """Run the command of a service until its health check has passed, and end it."""
    command = [word.replace("/plugins", str(folder)) for word in service["command"]]
    command = [word.replace("/logs", str(folder)) for word in command]
    kind, *check = service["healthcheck"]["test"]
    assert kind == "CMD"
    with subprocess.Popen(command, env=account, cwd=folder) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while subprocess.run(check, env=account, cwd=folder, check=False).returncode != 0:
                assert process.poll() is None, command
                assert time.monotonic() < deadline, check
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
    assert process.returncode == 0, command


def test_the_programs_of_the_compose_file_become_healthy_and_end_cleanly(tmp_path: Path) -> None:
    file = yaml.safe_load((DEPLOY / "platform" / "compose.yaml").read_text(encoding="utf-8"))
    account = {**new_account(tmp_path / "home", tmp_path), "PATH": programs()}

    services = list(file["services"].values())
    assert all(service["read_only"] for service in services)
    with ExitStack() as running:
        for service in services:
            if is_there(program_of(service["command"])):
                running.enter_context(healthy(service, tmp_path, account))


def command_lines() -> list[str]:
    units = [file.read_text(encoding="utf-8") for file in (DEPLOY / "systemd").glob("*.service")]
    found = [line for text in units for line in re.findall(r"^ExecStart=(.+)$", text, re.M)]
    tasks = (DEPLOY / "windows" / "register-tasks.ps1").read_text(encoding="utf-8")
    found += [f"{name} {rest}" for name, rest in re.findall(r'"([\w-]+)" += "(.+)"\n', tasks)]
    return found


@pytest.mark.parametrize("line", command_lines())
def test_the_options_in_the_units_and_tasks_are_known(line: str) -> None:
    words = [Path(word).name for word in shlex.split(line.replace('`"', ""))]
    program = program_of(words)
    if not is_there(program):
        pytest.skip(f"{program} is not installed")
    arguments = words[words.index(program) + 1 :]
    verb = [word for word in arguments[:1] if not word.startswith("-")]
    path = {**os.environ, "PATH": programs()}
    help_text = subprocess.run(
        [program, *verb, "--help"], env=path, capture_output=True, text=True, check=True
    ).stdout

    options = [word for word in arguments if word.startswith("--")]
    assert options
    assert [word for word in options if word not in help_text] == []
