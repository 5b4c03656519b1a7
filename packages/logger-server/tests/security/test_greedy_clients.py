"""T42: an accepted client that uses up every limit does not disturb the others."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import bare_http2
import grpc
import psutil
import pytest
from capabilities import HAS_LIMITS, needs_limits, require
from json_logger_client import (
    ConnectOptions,
    InitializationBehavior,
    JsonLoggerClient,
    SessionOptions,
)
from logger_process import LoggerProcess
from processes import eventually
from session_sharing.client import Connection, LimitExceededError, connect
from session_sharing.places import write_private
from session_sharing.v1 import lifecycle_pb2 as pb

LIMITED = str(Path(__file__).parents[1] / "support" / "limited_logger.py")
PATHS = {
    "Append": "/json_logger_ext.v1.JsonLoggerExt/Append",
    "AppendStream": "/json_logger_ext.v1.JsonLoggerExt/AppendStream",
    "ListSessions": "/session_sharing.v1.SessionLifecycle/ListSessions",
    "InitializeFile": "/json_logger.JsonLogger/InitializeFile",
}
STATED_BYTES = 2 << 30
"""What docs/security.md says that clients can make a server take."""
BEGIN = bare_http2.PREFACE + bare_http2.frame(bare_http2.SETTINGS, 0, 0, b"")
HUGE = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
Metadata = tuple[tuple[str, str], ...]
THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
GREEDY = str(Path(__file__).parents[1] / "support" / "greedy_identities.py")
KEYS = {"greedy": "g" * 32, "honest": "h" * 32}


class PeakMemory:
    """Watches how much memory a process uses."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = 0
        """Bytes."""

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self.most = max(self.most, self._process.memory_info().rss)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()


def with_keys(folder: Path, **more: str) -> str:
    """Write the keys of some identities; return the option that names their file."""
    keys = folder / "keys.json"
    write_private(keys, json.dumps({**KEYS, **more}))
    return f"--api-keys={keys}"


def options_of(logger: LoggerProcess, who: str) -> ConnectOptions:
    return ConnectOptions(logger.target).with_api_key(KEYS[who], who)


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[LoggerProcess]:
    """A logger for three identities with at most 64 sessions."""
    require(HAS_LIMITS, "resource limits")
    with LoggerProcess(tmp_path, with_keys(tmp_path), program=(LIMITED, "NOFILE=320")) as logger:
        yield logger


def open_many(logger: LoggerProcess, who: str, *, stay: bool) -> list[JsonLoggerClient]:
    """Open logs until the server refuses, at most 1000, and leave each at once or stay."""
    held = []
    connection = connect(options_of(logger, who))
    for number in range(1000):
        try:
            log = JsonLoggerClient(f"{who}{number}.log", THEN_DETACH, connection=connection)
        except LimitExceededError:
            break
        if stay:
            held.append(log)
        else:
            log.detach()
    return held


@pytest.mark.parametrize("stay", [True, False])
def test_one_identity_cannot_keep_all_sessions_from_others(
    stay: bool, few_files: LoggerProcess
) -> None:
    held = open_many(few_files, "greedy", stay=stay)
    for number in range(8):
        with JsonLoggerClient(f"{number}.log", connection=options_of(few_files, "honest")) as log:
            assert log.log_data("m", {}, {}) == 1
    assert len(held) == (32 if stay else 0)


@pytest.fixture
def small_memory(tmp_path: Path) -> Iterator[LoggerProcess]:
    """A logger for three identities with 4 GB of address space."""
    require(HAS_LIMITS, "resource limits")
    program = (LIMITED, f"AS={4 << 30}")
    with LoggerProcess(tmp_path, with_keys(tmp_path), program=program) as logger:
        yield logger


def send_huge(target: str, method: str, message: bytes, metadata: Metadata) -> grpc.StatusCode:
    """Call a method with these bytes as its request, on a separate connection."""
    with grpc.insecure_channel(target, HUGE) as channel:
        try:
            channel.stream_unary(method)(iter([message]), metadata=metadata, timeout=60)
        except grpc.RpcError as refused:
            return refused.code()  # type: ignore[attr-defined,no-any-return]
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", ["Append", "AppendStream", "ListSessions", "InitializeFile"])
def test_huge_requests_of_one_identity_are_refused_within_the_stated_memory(
    method: str, small_memory: LoggerProcess
) -> None:
    logger = small_memory
    metadata = (("authorization", f"ApiKey greedy:{KEYS['greedy']}"),)
    message = bytes(60 << 20)
    with PeakMemory(logger.pid) as memory, ThreadPoolExecutor(40) as callers:
        sent = [
            callers.submit(send_huge, logger.target, PATHS[method], message, metadata)
            for _ in range(40)
        ]
        with JsonLoggerClient("a.log", connection=options_of(logger, "honest")) as log:
            for seq in range(1, 51):
                assert log.log_data("m", {}, {}) == seq
        assert {item.result() for item in sent} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert memory.most < STATED_BYTES
    assert logger.terminate() == 0
    assert "MemoryError" not in (logger.folder / "server.err").read_text()


@pytest.fixture
def with_identities(tmp_path: Path) -> Iterator[LoggerProcess]:
    with LoggerProcess(tmp_path, with_keys(tmp_path)) as logger:
        yield logger


def seconds_of_a_record(log: JsonLoggerClient) -> float:
    started = time.perf_counter()
    log.log_data("m", {}, {"n": 1})
    return time.perf_counter() - started


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 99 // 100]


def begin_bare(logger: LoggerProcess, stack: ExitStack) -> socket.socket:
    """Begin a connection that carries only the bytes of the test and the answers to pings."""
    connection = bare_http2.connect(logger.target)
    connection.settimeout(None)
    answering = threading.Thread(target=bare_http2.answer_pings, args=(connection,))
    answering.start()
    stack.callback(answering.join)
    stack.callback(connection.close)
    stack.callback(lambda: connection.shutdown(socket.SHUT_RDWR))
    connection.sendall(BEGIN)
    return connection


def errors_of(connection: Connection) -> float:
    """Return how many calls a server has refused."""
    info = connection.lifecycle.GetServerInfo(pb.GetServerInfoRequest(), timeout=30)
    return info.counters["errors"]


def test_answers_that_are_not_read_are_refused_before_they_fill_the_memory(
    with_identities: LoggerProcess,
) -> None:
    logger = with_identities
    long = "x" * 4000
    authorization = f"ApiKey greedy:{KEYS['greedy']}"
    with ExitStack() as stack:
        honest = stack.enter_context(connect(options_of(logger, "honest")))
        for number in range(200):
            options = SessionOptions(session_name=f"{long}{number}", label=long)
            JsonLoggerClient(f"{number}.log", connection=honest, options=options)
        before = psutil.Process(logger.pid).memory_info().rss
        memory = stack.enter_context(PeakMemory(logger.pid))
        for _ in range(5):
            connection = begin_bare(logger, stack)
            for stream in range(1, 401, 2):
                path, nothing = PATHS["ListSessions"], bare_http2.message(b"")
                call = bare_http2.stream(stream, path, nothing, authorization=authorization)
                connection.sendall(call)
        with JsonLoggerClient("a.log", connection=honest) as log:
            for seq in range(1, 201):
                assert log.log_data("m", {}, {}) == seq
        eventually(lambda: errors_of(honest) > 500, within=40)
    assert memory.most - before < 512 << 20


@needs_limits
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_many_greedy_identities_do_not_keep_an_honest_one_from_logging(
    count: int, tmp_path: Path
) -> None:
    """How much slower it gets depends on the machine; every call is answered in good time."""
    keys = {f"greedy{number}": secrets.token_hex(16) for number in range(count)}
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(keys))
    program = (LIMITED, "NOFILE=320")
    with (
        LoggerProcess(tmp_path, with_keys(tmp_path, **keys), program=program) as logger,
        PeakMemory(logger.pid) as memory,
        connect(options_of(logger, "honest")) as connection,
        JsonLoggerClient("a.log", connection=connection) as log,
    ):
        command = [sys.executable, GREEDY, logger.target, str(theirs)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as greedy:
            assert greedy.stdin is not None and greedy.stdout is not None
            assert greedy.stdout.readline() == "ready\n"
            alone = [seconds_of_a_record(log) for _ in range(2000)]
            greedy.stdin.write("go\n")
            greedy.stdin.flush()
            beside = []
            said = threading.Thread(target=lambda: said_by.append(greedy.stdout.readline()))
            said_by: list[str] = []
            said.start()
            while said.is_alive():
                beside.append(seconds_of_a_record(log))
        opened = JsonLoggerClient("b.log", connection=connection)
        assert opened.log_data("m", {}, {}) == 1
        assert said_by == [f"done {count}\n"]
    assert memory.most < STATED_BYTES
    print(f"p99 alone {p99(alone) * 1e3:.2f} ms, beside them {p99(beside) * 1e3:.2f} ms")
    assert p99(beside) < 1.0
