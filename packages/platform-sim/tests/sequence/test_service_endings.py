"""Runs of platform_sim.v1.Sequences that end early: Cleanup runs, or the clients get an error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from capabilities import needs_signals
from platform_process import DEADLINE, PlatformProcess, running_platform, wait_for_exit, wait_until
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.v1 import sequences_pb2 as pb
from sequence_client import SequenceClient, sequence_client, slow_sequence, trace, wait_for_step
from stopping_processes import stop_process

INTERRUPTED = "interrupted by the user"
CLEANED = ["Main work: Error", "Cleanup close: Done"]


@contextmanager
def working(folder: Path) -> Iterator[tuple[PlatformProcess, SequenceClient, pb.Run]]:
    """Run a platform with one run, which is in the middle of its step `work`."""
    (folder / "platform").mkdir()
    sequence = slow_sequence(folder / "sequences")
    with (
        running_platform(folder / "platform", "--sequences", folder / "sequences") as platform,
        sequence_client(platform.state.discovery_address) as client,
    ):
        run = client.start(sequence)
        wait_until((folder / "sequences" / "working").exists)
        yield platform, client, run


def interpreter_of(folder: Path) -> int:
    """Return the process id of the Python that runs the code modules."""
    file = folder / "sequences" / "working"
    wait_until(lambda: file.read_text() != "")
    return int(file.read_text())


def test_terminate_interrupts_the_step_and_cleanup_runs(tmp_path: Path) -> None:
    with working(tmp_path) as (_, client, run):
        events = client.watch(run)
        wait_for_step(events, "work")

        client.terminate(run)

        assert any(event.step_ended.message == INTERRUPTED for event in events)
        assert client.current(run).is_terminating
        client.terminate(run)  # a second call does nothing
        (tmp_path / "sequences" / "go-on").touch()
        ended = client.finish(run)
        assert trace(ended) == CLEANED
        assert ended[-1].ended.outcome == pb.OUTCOME_TERMINATED
        assert (tmp_path / "sequences" / "closed").exists()
        client.terminate(run)
        assert client.finish(run) == ended


def test_a_run_that_is_terminated_while_its_process_starts_runs_cleanup(tmp_path: Path) -> None:
    sequence = slow_sequence(tmp_path)
    options = PlatformOptions(sequence_folders=(tmp_path,), has_device_server=False)
    with Platform(options) as platform, sequence_client(platform.discovery_address) as client:
        run = client.start(sequence)
        client.terminate(run)
        (tmp_path / "go-on").touch()
        events = client.finish(run)
        assert trace(events) in (CLEANED, CLEANED[1:])
        assert events[-1].ended.outcome == pb.OUTCOME_TERMINATED


def test_a_run_can_be_ended_at_once_without_cleanup(tmp_path: Path) -> None:
    with working(tmp_path) as (_, client, run):
        interpreter = interpreter_of(tmp_path)

        client.terminate(run, without_cleanup=True)

        events = client.finish(run)
        assert trace(events) == []
        assert events[-1].ended.outcome == pb.OUTCOME_ABORTED
        if sys.platform != "win32":
            assert "ended with signal SIGKILL" in events[-1].ended.message
            assert wait_for_exit(interpreter, DEADLINE)
        assert not (tmp_path / "sequences" / "closed").exists()


@needs_signals
def test_the_death_of_a_runs_process_ends_the_run_with_its_last_output(tmp_path: Path) -> None:
    script = tmp_path / "sequences" / "slow.py"
    with working(tmp_path) as (_, client, run):
        child = psutil.Process(interpreter_of(tmp_path)).parent()
        assert child is not None
        child.kill()
        (script.parent / "go-on").touch()
        assert "signal SIGKILL before the run ended" in client.finish(run)[-1].ended.message

        script.write_text(
            "import os, signal\ndef work():\n    print('about to fail', flush=True)\n"
            "    os.kill(os.getppid(), signal.SIGSEGV)\ndef close():\n    pass\n"
        )
        ended = client.finish(client.start(run.sequence))[-1].ended
        assert ended.outcome == pb.OUTCOME_ABORTED
        assert "signal SIGSEGV" in ended.message
        assert "\nabout to fail" in ended.message  # the interpreter may write more


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_of_the_platform_lets_cleanup_run(tmp_path: Path, number: signal.Signals) -> None:
    with working(tmp_path) as (platform, client, run):
        interpreter = interpreter_of(tmp_path)
        events = client.watch(run)
        stop_process(platform.process.pid, number)
        assert any(event.step_ended.message == INTERRUPTED for event in events)
        (tmp_path / "sequences" / "go-on").touch()

        rest = list(events)  # the platform answers until the run has ended

        assert trace(rest) == CLEANED[1:]
        assert rest[-1].ended.outcome == pb.OUTCOME_TERMINATED
        assert platform.process.wait(DEADLINE) == 0
        assert wait_for_exit(interpreter, DEADLINE)
    assert (tmp_path / "sequences" / "closed").exists()


@needs_signals
def test_ctrl_c_in_the_platforms_terminal_interrupts_a_run_once(tmp_path: Path) -> None:
    # A terminal sends the signal to each process of the group; a second one would end Cleanup.
    with working(tmp_path) as (platform, client, run):
        child = psutil.Process(interpreter_of(tmp_path)).parent()
        assert child is not None
        assert os.getpgid(child.pid) == child.pid != os.getpgid(platform.process.pid)
        (tmp_path / "sequences" / "go-on").touch()
        client.finish(run)


def test_a_cleanup_that_does_not_end_is_killed_with_the_platform(tmp_path: Path) -> None:
    sequence = slow_sequence(tmp_path)
    options = PlatformOptions(
        sequence_folders=(tmp_path,), has_device_server=False, sequence_stop_grace=0.1
    )
    with Platform(options) as platform, sequence_client(platform.discovery_address) as client:
        run = client.start(sequence)
        wait_until((tmp_path / "working").exists)
        events = client.watch(run)
        platform.stop()
        assert list(events)[-1].ended.outcome == pb.OUTCOME_ABORTED
        wait_until(lambda: (tmp_path / "working").read_text() != "")
    assert wait_for_exit(int((tmp_path / "working").read_text()), DEADLINE)


def test_a_stopping_platform_starts_no_sequence(tmp_path: Path) -> None:
    with working(tmp_path) as (platform, client, run):
        events = client.watch(run)
        stop_process(platform.process.pid, signal.SIGTERM)
        assert any(event.step_ended.message == INTERRUPTED for event in events)
        with pytest.raises(grpc.RpcError) as refused:
            client.start(run.sequence)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "is stopping" in refused.value.details()
        (tmp_path / "sequences" / "go-on").touch()
        assert list(events)


@needs_signals
def test_cleanup_runs_when_the_platform_is_killed_and_no_process_is_left(tmp_path: Path) -> None:
    with working(tmp_path) as (platform, _, _):
        interpreter = interpreter_of(tmp_path)
        child = psutil.Process(interpreter).parent()
        assert child is not None
        platform.process.kill()
        (tmp_path / "sequences" / "go-on").touch()
        assert wait_for_exit(child.pid, DEADLINE)
        assert wait_for_exit(interpreter, DEADLINE)
    assert (tmp_path / "sequences" / "closed").exists()


@needs_signals
def test_signals_to_the_process_of_a_run_are_those_of_platform_sim_run(tmp_path: Path) -> None:
    with working(tmp_path) as (_, client, run):
        child = psutil.Process(interpreter_of(tmp_path)).parent()
        assert child is not None
        events = client.watch(run)
        child.send_signal(signal.SIGTERM)
        assert any(event.step_ended.message == INTERRUPTED for event in events)
        wait_for_step(events, "close")
        child.send_signal(signal.SIGTERM)
        assert list(events)[-1].ended == pb.RunEnded(
            outcome=pb.OUTCOME_ABORTED,
            message="A second signal to the run's process ended its Cleanup.",
        )
        (tmp_path / "sequences" / "go-on").touch()
