"""`platform-sim up`: ready line, state file, stop, and one platform for each state file."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from capabilities import (
    HAS_SYMLINKS,
    needs_full_device,
    needs_modes,
    needs_proc,
    needs_signals,
    needs_signals_to_threads,
)
from platform_process import (
    DEADLINE,
    clean_environment,
    command,
    invoke,
    running_platform,
    temporary_files_in,
    wait_for_exit,
)
from platform_sim.errors import StateFileError
from platform_sim.state_file import (
    PlatformState,
    PlatformStateFile,
    default_state_file,
    read_state,
)
from plugin_folders import started_pids, write_plain_service
from plugin_kit.calling import PlatformClient
from session_sharing.stop_event import ask_to_stop
from stopping_processes import stop_process
from threads import signal_another_thread


def test_the_ready_line_names_addresses_and_state_file(tmp_path):
    with running_platform(tmp_path) as platform:
        state = platform.state
        assert state.pid == platform.process.pid
        for part in (state.discovery_address, state.device_server_address, platform.state_file):
            assert str(part) in platform.ready_line
        with PlatformClient(state.discovery_address) as client:
            assert client.services()


def test_it_says_how_many_plugins_it_found_where_and_which_files_it_skipped(tmp_path):
    full, empty = tmp_path / "full", tmp_path / "empty"
    empty.mkdir()
    write_plain_service(full / "a" / "b" / "c", "test.Deep")
    write_plain_service(full / "direct", "test.Direct")
    write_plain_service(full / "copy" / "of", "test.Direct")
    for left_out in (".hidden", "env", "node_modules", "lib/site-packages"):
        write_plain_service(full / left_out / "x", "test.LeftOut")
    (full / "env" / "pyvenv.cfg").touch()
    if HAS_SYMLINKS:
        (full / "a" / "again").symlink_to(full, target_is_directory=True)
    (full / "a" / "typo.serviceconfig").write_text("{")

    with running_platform(tmp_path, "--plugins", full, "--plugins", empty) as platform:
        *lines, _ = platform.output
        assert f"plug-ins: 3 in {full}\n" in lines
        assert f"plug-ins: none in {empty}\n" in lines
        (skipped,) = (line for line in lines if "A .serviceconfig file is ignored. " in line)
        assert f"{Path('a', 'typo.serviceconfig')}: Expecting" in skipped
        (hidden,) = (line for line in lines if " is started from " in line)
        assert f"{Path('copy', 'of', 'plugin.serviceconfig')}: test.Direct" in hidden
        with PlatformClient(platform.state.discovery_address) as client:
            assert client.resolve("test.Interface", "test.Deep")
            assert client.interfaces_of("test.LeftOut") == []


def test_services_says_which_plugins_run_with_files_of_before_an_edit(tmp_path):
    write_plain_service(tmp_path / "plain", "test.Plain")
    script = tmp_path / "plain" / "measurement.py"
    with running_platform(tmp_path, "--plugins", tmp_path / "plain") as platform:
        with PlatformClient(platform.state.discovery_address) as client:
            client.resolve("test.Interface")
        (plugin,) = started_pids(tmp_path / "plain")
        # On Windows, the platform starts the command interpreter that runs the batch file.
        pid = psutil.Process(plugin).ppid() if sys.platform == "win32" else plugin
        assert "newer" not in platform.invoke("services").stdout

        os.utime(script, times=(time.time() + 1, time.time() + 1))
        told = f"  {script} is newer than process {pid}. End that process"
        assert told in platform.invoke("services").stdout
        rows = json.loads(platform.invoke("services", "--json").stdout)
        assert [len(one["outdated"]) for one in rows if one["service_class"] == "test.Plain"] == [1]

        psutil.Process(pid).kill()
        assert wait_for_exit(plugin, DEADLINE)
        assert "newer" not in platform.invoke("services").stdout


def test_the_state_file_is_private_and_is_removed_with_the_platform(tmp_path):
    with running_platform(tmp_path) as platform:
        assert json.loads(platform.state_file.read_text()).keys() == {
            "pid",
            "discovery_address",
            "device_server_address",
        }
        if sys.platform != "win32":
            assert stat.S_IMODE(platform.state_file.stat().st_mode) == 0o600
        assert platform.stop() == 0
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_platform_and_plugins_with_exit_code_zero(tmp_path, number):
    write_plain_service(tmp_path / "plain", "test.Plain")
    with running_platform(tmp_path, "--plugins", tmp_path) as platform:
        with PlatformClient(platform.state.discovery_address) as client:
            client.resolve("test.Interface")
        stop_process(platform.process.pid, number)
        assert platform.process.wait(60) == 0
    assert all(wait_for_exit(pid, 0.1) for pid in started_pids(tmp_path / "plain"))
    assert not platform.state_file.exists()


@needs_signals_to_threads
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_takes_stops_the_platform(tmp_path, number):
    with running_platform(tmp_path) as platform:
        signal_another_thread(platform.process.pid, number)
        assert platform.process.wait(DEADLINE) == 0
    assert not platform.state_file.exists()


def test_a_second_platform_on_a_live_state_file_is_refused(tmp_path):
    with running_platform(tmp_path) as platform:
        second = platform.run("up", check=False)
        assert second.returncode == 1
        assert f"pid {platform.process.pid}" in second.stderr
        assert platform.state.is_live()


def test_a_killed_platforms_state_file_is_reclaimed(tmp_path):
    with running_platform(tmp_path) as first:
        first.process.kill()
        first.process.wait()
        assert first.state_file.exists()
        with running_platform(tmp_path) as second:
            assert second.state.pid == second.process.pid


def test_platforms_of_other_state_files_run_side_by_side(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with running_platform(tmp_path / "a") as one, running_platform(tmp_path / "b") as other:
        assert one.state.discovery_address != other.state.discovery_address


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--bench", "bench.toml"], "bench bench.toml: bench.toml is not a TOML file"),
        (["--state-file", "file/state.json"], "file cannot be made: "),
        (["--state-file", f"{'long' * 80}.json"], "cannot be locked: "),
        (
            ["--state-file", "n" * 250],
            "cannot be ",
        ),
        (["--state-file", "bench.toml"], "bench.toml is not a state file"),
        (["--log-dir", "file/logs"], "logs cannot be created ("),
    ],
)
def test_an_unusable_option_gives_one_line_and_leaves_nothing(tmp_path, options, told):
    (tmp_path / "bench.toml").write_text("nonsense = [")
    (tmp_path / "file").touch()
    done = subprocess.run(
        command("up", "--state-file", "state.json", *options),
        cwd=tmp_path,
        env={**clean_environment(), **temporary_files_in(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert told in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.toml", "file"]


@needs_full_device
def test_a_full_disk_below_the_output_is_reported_in_one_line(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("up", "--state-file", tmp_path / "state.json"),
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode in (1, 120)  # 120 is Python's own, if it cannot flush at its end
    assert done.stderr.splitlines()[0] == "Error: No space left on device"
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_that_start_at_once_on_one_state_file_end_as_one(tmp_path):
    start = command("up", "--state-file", tmp_path / "state.json")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**clean_environment(), **temporary_files_in(tmp_path)}
    both = [subprocess.Popen(start, env=environment, **pipes) for _ in range(2)]
    lines = [process.stdout.readline() for process in both]
    winner = next(process for process, line in zip(both, lines, strict=True) if line)
    (loser,) = [process for process in both if process is not winner]

    assert loser.wait(120) == 1
    said = loser.communicate()[1]
    assert f"(pid {winner.pid}, " in said or "Another platform is starting" in said
    assert ask_to_stop(winner.pid)
    winner.communicate()
    assert winner.returncode == 0
    assert list(tmp_path.iterdir()) == []


@needs_signals
def test_a_platform_under_nohup_outlives_its_terminal(tmp_path):
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running_platform(tmp_path) as platform:
            platform.process.send_signal(signal.SIGHUP)
            with PlatformClient(platform.state.discovery_address) as client:
                assert client.services()
            assert platform.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, hang_up)


@needs_proc
def test_no_child_is_left_of_a_platform_that_had_none(tmp_path):
    with running_platform(tmp_path) as platform:
        assert psutil.Process(platform.process.pid).children() == []


@pytest.mark.parametrize("verb", ["services", "reservations"])
def test_verbs_without_a_platform_say_how_to_start_one(tmp_path, verb):
    done = invoke(verb, "--state-file", tmp_path / "none.json")
    assert done.exit_code == 1
    assert "platform-sim up" in done.stderr


STATE = PlatformState(os.getpid(), "127.0.0.1:1", "")


def test_a_file_that_is_no_state_file_is_never_overwritten(tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("important")
    with pytest.raises(StateFileError, match=r"notes\.txt is not a state file"):
        PlatformStateFile(notes).claim()
    assert notes.read_text() == "important"


def test_a_state_file_of_another_platform_is_not_removed(tmp_path):
    first, second = (PlatformStateFile(tmp_path / "state.json") for _ in range(2))
    first.claim()
    with pytest.raises(StateFileError, match="Another platform is starting"):
        second.claim()
    first.publish(STATE)
    with pytest.raises(StateFileError, match=f"pid {os.getpid()}"):
        second.claim()
    second.remove()
    assert read_state(first.path) == STATE
    first.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_state_file_with_the_process_id_of_another_program_is_a_dead_platforms(tmp_path):
    file = PlatformStateFile(tmp_path / "state.json")
    file.path.write_text(json.dumps(asdict(STATE)))
    assert not STATE.is_live()
    file.claim()
    assert read_state(file.path) is None


@needs_modes
def test_an_unsafe_default_folder_is_refused(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    file = PlatformStateFile(default_state_file())
    assert file.path.is_relative_to(tmp_path)
    file.claim()
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    file.remove()

    file.path.parent.chmod(0o777)
    with pytest.raises(StateFileError, match="must belong to you"):
        file.claim()
