"""A planted file in the place of a state file is refused at once, with a clear message."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from as_user import needs_users
from capabilities import needs_fifos, needs_symlinks

NOBODY = 65534
STATE = '{"pid": 1, "targets": ["ipv4:127.0.0.1:1"], "token_file": "/dev/zero"}'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which every user may write, like /tmp."""
    name = tempfile.mkdtemp()
    Path(name).chmod(0o1777)
    yield Path(name)
    shutil.rmtree(name)


def run(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run `json-logger`; return its exit code and output."""
    command = [sys.executable, "-m", "json_logger_server", *arguments]
    env = {**os.environ, "HOME": str(cwd), "XDG_RUNTIME_DIR": str(cwd / "run")}
    env |= environment or {}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, env=env)
    return ran.returncode, ran.stderr + ran.stdout


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_huge_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 30)


def a_folder(path: Path) -> None:
    path.mkdir()


def the_file_of_somebody_else(path: Path) -> None:
    path.write_text(STATE)
    os.chown(path, NOBODY, NOBODY)


PLANTED = [
    pytest.param(a_fifo, marks=needs_fifos),
    pytest.param(a_link_to_zeros, marks=needs_symlinks),
    a_huge_file,
    a_folder,
    pytest.param(the_file_of_somebody_else, marks=needs_users),
]


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize(
    "verb", [("serve", "--no-discovery", "--log-root=."), ("ls",), ("doctor", "--log-root=.")]
)
def test_a_planted_state_file_is_refused_at_once(
    verb: tuple[str, ...], plant: Callable[[Path], None], folder: Path
) -> None:
    state = folder / "json-logger.json"
    plant(state)
    code, said = run(*verb, f"--state-file={state}", cwd=folder)
    assert code != 0
    assert "Traceback" not in said
    assert str(state) in said.replace("\\\\", "\\")  # click doubles them


@needs_users
@pytest.mark.parametrize("mode", [0o700, 0o777, 0o1777])
@pytest.mark.parametrize("verb", [("serve", "--no-discovery", "--log-root=."), ("ls",)])
@pytest.mark.parametrize("place", ["run/session-sharing", "runtime-0"])
def test_server_and_client_refuse_a_runtime_folder_of_another_user(
    place: str, verb: tuple[str, ...], mode: int, folder: Path
) -> None:
    """The runtime folder is the one of XDG_RUNTIME_DIR, else one below the temporary folder."""
    planted = folder / place
    if place == "runtime-0":
        environment = {"XDG_RUNTIME_DIR": "", "TMPDIR": str(folder)}
    else:
        planted.parent.mkdir(mode=0o700)
        environment = {}
    planted.mkdir()
    planted.chmod(mode)
    os.chown(planted, NOBODY, NOBODY)
    code, said = run(*verb, cwd=folder, environment=environment)
    assert code != 0
    assert "Traceback" not in said
    assert str(planted) in said
    assert list(planted.iterdir()) == []
