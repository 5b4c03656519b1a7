"""A state file that another user planted is not trusted, not waited for, and not overwritten."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time

import pytest
from as_user import OWNER, STRANGER, needs_users
from capabilities import needs_modes
from platform_process import clean_environment, invoke
from platform_users import run_as

pytestmark = needs_modes
PROMPT = 10.0
"""Seconds for an answer on a busy machine; a file that is waited for never answers."""


@pytest.fixture
def trap():
    """Yield another user's listener, whose address the planted files contain."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
def state_file(tmp_path, trap):
    """Return a state file as a running platform writes it, in a separate folder."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    file = folder / "state.json"
    address = f"127.0.0.1:{trap.getsockname()[1]}"
    fields = {"pid": os.getpid(), "discovery_address": address, "device_server_address": ""}
    file.write_text(json.dumps(fields))
    file.chmod(0o600)
    return file


def by_another_user(file):
    os.chown(file, STRANGER, STRANGER)


def in_another_users_folder(file):
    os.chown(file.parent, STRANGER, STRANGER)


def by_another_user_in_a_sticky_folder(file):
    file.parent.chmod(0o1777)
    os.chown(file, STRANGER, STRANGER)


def writable_by_others(file):
    file.chmod(0o666)


def in_a_folder_that_others_write(file):
    file.parent.chmod(0o777)


def a_link(file):
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def a_link_to_nowhere(file):
    file.unlink()
    file.symlink_to("nowhere")


def a_fifo(file):
    file.unlink()
    os.mkfifo(file, 0o600)


def a_device(file):
    file.unlink()
    os.mknod(file, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # like /dev/zero, it never ends


def huge(file):
    os.truncate(file, 2**30)


PLANTED = [
    pytest.param(by_another_user, marks=needs_users),
    pytest.param(in_another_users_folder, marks=needs_users),
    pytest.param(by_another_user_in_a_sticky_folder, marks=needs_users),
    writable_by_others,
    in_a_folder_that_others_write,
    a_link,
    a_link_to_nowhere,
    a_fifo,
    pytest.param(a_device, marks=needs_users),
    huge,
]


def seen(folder):
    return {one.name: (one.lstat().st_ino, one.lstat().st_size) for one in folder.iterdir()}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("verb", ["services", "up"])
def test_a_command_refuses_it_in_a_line_and_leaves_it_as_it_is(state_file, plant, verb):
    plant(state_file)
    before = seen(state_file.parent)
    started = time.monotonic()
    done = invoke(verb, "--state-file", state_file)
    assert time.monotonic() - started < PROMPT
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    (line,) = done.stderr.splitlines()
    assert str(state_file.parent) in line
    assert seen(state_file.parent) == before


FIND = """
import platform_sim_shim
try:
    print(platform_sim_shim.discovery_address())
except FileNotFoundError as error:
    print("refused")
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", [None, *PLANTED])
def test_the_hook_takes_an_address_from_the_users_own_file_alone(state_file, plant):
    from platform_sim.hook import inject_folder

    expected = json.loads(state_file.read_text())["discovery_address"]
    if plant is not None:
        plant(state_file)
        expected = "refused"
    path = {"PYTHONPATH": inject_folder(), "PLATFORM_SIM_STATE_FILE": str(state_file)}
    found = subprocess.run(
        [sys.executable, "-S", "-c", FIND],
        env={**clean_environment(), **path},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert found.stdout.strip() == expected


@needs_users
@pytest.mark.parametrize("mode", [0o700, 0o777, 0o1777])
@pytest.mark.parametrize("place", ["session-sharing", "runtime"])
@pytest.mark.parametrize("verb", ["services", "up"])
def test_a_runtime_folder_of_another_user_is_reported(tmp_path, verb, place, mode):
    folder = tmp_path / (f"runtime-{os.geteuid()}" if place == "runtime" else place)
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, STRANGER, STRANGER)
    runtime = str(tmp_path) if place == "session-sharing" else ""
    done = subprocess.run(
        [sys.executable, "-m", "platform_sim.cli", verb],
        env={**clean_environment(), "XDG_RUNTIME_DIR": runtime, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(folder) in line
    assert list(folder.iterdir()) == []


@needs_users
def test_a_process_id_that_went_to_another_user_is_not_the_platforms(trap):
    # A killed platform leaves its file. Another user may get its process id and its port.
    script = """
    from platform_sim.hook.inject import platform_sim_shim
    from platform_sim.state_file import PlatformState
    pid = int(sys.argv[2])
    print(PlatformState(pid, sys.argv[3], "").is_live(), platform_sim_shim._is_alive(pid))
    """
    address = f"127.0.0.1:{trap.getsockname()[1]}"
    assert run_as(OWNER, script, os.getpid(), address) == ["False False"]
