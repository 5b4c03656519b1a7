"""Ctrl-C and signal handlers that raise errors lose no record, and block nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import interrupts
import pytest
from capabilities import needs_signals
from interrupts import press_ctrl_c
from json_logger_client import JsonLoggerClient
from logger_process import LoggerProcess, names_in, records_in
from session_sharing.client import ReentrantCallError

SCRIPT = Path(__file__).parent / "support" / "interrupted_client.py"
SHARED = str(Path(interrupts.__file__).parent)
SEED = int(os.environ.get("INTERRUPT_SEED", "1"))


def start(logger: LoggerProcess, mode: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(logger.state_file), mode, str(rounds), str(SEED)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SHARED},
    )


def check(logger: LoggerProcess, mode: str, outcome: dict[str, Any], rounds: int) -> None:
    """Check that every acknowledged record is one line, and that no record is duplicated."""
    assert outcome["errors"] == []
    assert outcome["interrupted"] > rounds // 10
    # An interrupt between the return of a constructor and the next statement leaves one object.
    assert outcome["left_open"] <= rounds // 25
    if not outcome["tried"]:
        return
    numbers = [r["measurement_outputs"]["i"] for r in records_in(logger.folder / f"{mode}.ndjson")]
    assert not sorted(set(outcome["sure"]) - set(numbers)), f"{len(numbers)} records are there"
    assert len(set(numbers)) == len(numbers)
    if mode == "calls":  # a stream that was interrupted may still send when the next one begins
        assert numbers == sorted(numbers)


def interrupt(logger: LoggerProcess, mode: str, rounds: int) -> None:
    with start(logger, mode, rounds) as client:
        said, _ = client.communicate(timeout=600)
        assert client.returncode == 0
        check(logger, mode, json.loads(said.splitlines()[-1]), rounds)


def interrupt_by_keyboard(logger: LoggerProcess, rounds: int) -> None:
    generator = random.Random(SEED)
    with start(logger, "keyboard", rounds) as client:
        assert client.stdout is not None
        for line in client.stdout:
            if line.strip() != "round":
                outcome = json.loads(line)
                break
            time.sleep(generator.uniform(0, 0.03))  # the test tries random moments
            press_ctrl_c(client)
        else:
            raise AssertionError("the client ended without a word")
        check(logger, "keyboard", outcome, rounds)
        assert client.wait(60) == 0


@pytest.mark.parametrize("mode", ["calls", "stream", "open", "shared"])
def test_an_exception_from_a_signal_handler_loses_nothing_at_any_moment(
    own_logger: LoggerProcess, mode: str
) -> None:
    interrupt(own_logger, mode, 100)


def test_ctrl_c_loses_nothing_at_any_moment(own_logger: LoggerProcess) -> None:
    interrupt_by_keyboard(own_logger, 50)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mode", ["calls", "stream", "open", "shared"])
def test_a_thousand_interrupts_lose_nothing(own_logger: LoggerProcess, mode: str) -> None:
    interrupt(own_logger, mode, 1000)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ctrl_c_a_thousand_times_loses_nothing(own_logger: LoggerProcess) -> None:
    interrupt_by_keyboard(own_logger, 1000)


def run_program(logger: LoggerProcess, text: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has the state file in `sys.argv[1]`."""
    head = """
import os, signal, sys, threading
from json_logger_client import ConnectOptions, JsonLoggerClient
def client(name, **options):
    connect = ConnectOptions.from_state_file(sys.argv[1])
    return JsonLoggerClient(name, connection=connect, **options)
"""
    command = [sys.executable, "-c", head + text, str(logger.state_file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@needs_signals
def test_a_signal_handler_may_log_while_its_thread_logs(own_logger: LoggerProcess) -> None:
    ended = run_program(
        own_logger,
        """
ticks = depth = 0
def tick_soon():
    signal.setitimer(signal.ITIMER_REAL, 0.003)
with client("ticks.ndjson") as log:
    def tick(*_):
        global ticks, depth
        ticks += 1
        depth += 1
        if depth < 5:
            tick_soon()
        log.log_data("tick", {}, {"n": ticks})
        depth -= 1
        tick_soon()
    signal.signal(signal.SIGALRM, tick)
    tick_soon()
    while ticks < 50:
        log.log_data("main", {}, {})
    signal.setitimer(signal.ITIMER_REAL, 0)
print(ticks)
""",
    )
    assert ended.returncode == 0, ended.stderr
    names = names_in(own_logger.folder / "ticks.ndjson")
    assert names.count("tick") == int(ended.stdout) >= 50


@needs_signals
def test_a_sigterm_handler_may_log_a_last_record_and_exit(own_logger: LoggerProcess) -> None:
    ended = run_program(
        own_logger,
        """
def stop(*_):
    log.log_data("aborted", {}, {"by": "SIGTERM"})
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
with client("term.ndjson") as log:
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    while True:
        log.log_data("main", {}, {})
""",
    )
    assert ended.returncode == 3, ended.stderr
    assert names_in(own_logger.folder / "term.ndjson").count("aborted") == 1


@needs_signals
def test_nested_signal_handlers_get_an_error_before_the_stack_is_full(
    own_logger: LoggerProcess,
) -> None:
    """The server is stopped, so each handler interrupts the waiting one before it."""
    own_logger.process.send_signal(signal.SIGSTOP)
    try:
        ended = run_program_on_a_stopped_server(own_logger)
    finally:
        own_logger.process.send_signal(signal.SIGCONT)
    assert ended == "ReentrantCallError"


def run_program_on_a_stopped_server(logger: LoggerProcess) -> str:
    logger.process.send_signal(signal.SIGCONT)
    program = """
from session_sharing.client import ReentrantCallError
log = client("nested.ndjson")
log.log_data("first", {}, {})
os.kill(int(sys.argv[2]), signal.SIGSTOP)
def tick(*_):
    try:
        log.log_data("tick", {}, {})
    except ReentrantCallError as error:
        print(type(error).__name__, flush=True)
        os._exit(0)
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
log.log_data("main", {}, {})
"""
    head = """
import os, signal, sys
from json_logger_client import ConnectOptions, JsonLoggerClient
def client(name):
    return JsonLoggerClient(name, connection=ConnectOptions.from_state_file(sys.argv[1]))
"""
    command = [sys.executable, "-c", head + program, str(logger.state_file), str(logger.pid)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return ended.stdout.strip() or ended.stderr


def test_a_finalizer_may_log_and_none_of_its_records_is_lost(own_logger: LoggerProcess) -> None:
    """A finalizer runs in any thread. In a thread that sends, it cannot wait for the number."""
    ended = run_program(
        own_logger,
        """
import gc
gc.set_threshold(50, 2, 2)
class Probe:
    count = 0
    def __init__(self):
        self.me = self
        Probe.count += 1
    def __del__(self):
        log.log_data("probe", {}, {})
with client("del.ndjson") as log:
    for _ in range(500):
        Probe()
        log.log_data("main", {}, {})
    gc.collect()
    print(Probe.count)
""",
    )
    assert ended.returncode == 0, ended.stderr
    names = names_in(own_logger.folder / "del.ndjson")
    assert names.count("main") == names.count("probe") == 500
    for line in ended.stderr.splitlines():
        if "Error" in line:
            assert ReentrantCallError.__name__ in line


def test_a_call_in_the_grpc_thread_that_receives_answers_does_not_hang(
    own_logger: LoggerProcess,
) -> None:
    with own_logger.client("callback.ndjson") as log:
        log.log_data("first", {}, {})
        caught: list[BaseException] = []
        done = threading.Event()

        def log_from_callback(_: object) -> None:
            try:
                log.log_data("from the callback", {}, {})
            except ReentrantCallError as error:
                caught.append(error)
            done.set()

        call_in_background(log, log_from_callback)
        assert done.wait(10)
    assert len(caught) == 1
    assert names_in(own_logger.folder / "callback.ndjson") == ["first", "from the callback"]


def call_in_background(log: JsonLoggerClient, callback: Any) -> None:
    from session_sharing.v1 import lifecycle_pb2

    request = lifecycle_pb2.GetServerInfoRequest()
    log.connection.lifecycle.GetServerInfo.future(request).add_done_callback(callback)
