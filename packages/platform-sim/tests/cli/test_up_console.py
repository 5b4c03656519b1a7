"""`platform-sim up --console` runs the console beside the platform, and ends it with the platform.

measurement-console has the test with the console itself; here, another program stands for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import psutil
import pytest
from platform_process import DEADLINE, invoke, wait_until
from platform_sim.cli.console_process import find_console, running_console

WRITES_ITS_PID = """
import os, sys, time
from pathlib import Path

file = Path(sys.argv[1])
file.with_suffix(".new").write_text(str(os.getpid()))
file.with_suffix(".new").rename(file)
time.sleep(600)
"""


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))


def started(file: Path) -> psutil.Process:
    wait_until(file.exists)
    return psutil.Process(int(file.read_text()))


def test_it_ends_with_the_platform(tmp_path: Path) -> None:
    options = ["-c", WRITES_ITS_PID, str(tmp_path / "pid")]
    with running_console(sys.executable, options, os.environ):
        process = started(tmp_path / "pid")
    process.wait(DEADLINE)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_it_ends_when_the_platform_is_killed(tmp_path: Path) -> None:
    platform = f"""
import os, sys
from platform_sim.cli.console_process import running_console
options = ["-c", {WRITES_ITS_PID!r}, {str(tmp_path / "pid")!r}]
with running_console(sys.executable, options, os.environ):
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", platform], stdin=subprocess.PIPE) as parent:
        process = started(tmp_path / "pid")
        parent.kill()
    process.wait(DEADLINE)


def test_a_console_that_ends_is_told_and_the_platform_goes_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = ""
    with running_console(sys.executable, ["-c", "raise SystemExit(3)"], os.environ):

        def is_told() -> bool:
            nonlocal told
            told += capfd.readouterr().err
            return "exit code 3. The platform goes on." in told

        wait_until(is_told)


@pytest.mark.usefixtures("nothing_installed")
def test_without_the_console_the_command_says_what_to_install() -> None:
    with pytest.raises(click.ClickException, match="pip install measurement-console"):
        find_console()
    result = invoke("up", "--console")
    assert result.exit_code == 1
    assert "pip install measurement-console" in result.output


def test_the_console_of_the_same_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suffix = ".exe" if os.name == "nt" else ""
    for folder in ("own", "path"):
        command = tmp_path / folder / f"measurement-console{suffix}"
        command.parent.mkdir()
        command.touch(mode=0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "own" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert Path(find_console()).parent.name == "own"
