"""T42: a client that is let in and wants everything costs the others nothing that matters."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import grpc
import psutil
import pytest
from json_logger_client import (
    ConnectOptions,
    InitializationBehavior,
    JsonLoggerClient,
)
from logger_process import LoggerProcess
from session_sharing.client import connect
from session_sharing.core.errors import LimitExceededError

LIMITED = str(Path(__file__).parents[1] / "support" / "limited_logger.py")
PATHS = {
    "Append": "/json_logger_ext.v1.JsonLoggerExt/Append",
    "AppendStream": "/json_logger_ext.v1.JsonLoggerExt/AppendStream",
    "ListSessions": "/session_sharing.v1.SessionLifecycle/ListSessions",
    "InitializeFile": "/json_logger.JsonLogger/InitializeFile",
}
STATED_BYTES = 2 << 30
"""What docs/security.md says that clients can make a server take."""
HUGE = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
Metadata = tuple[tuple[str, str], ...]
THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
KEYS = {"greedy": "g" * 32, "honest": "h" * 32}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")


class PeakMemory:
    """Watches how much memory a process takes."""

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


def with_keys(folder: Path) -> str:
    """Write the keys of two identities; give the option that names them."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps(KEYS))
    keys.chmod(0o600)
    return f"--api-keys={keys}"


def options_of(logger: LoggerProcess, who: str) -> ConnectOptions:
    return ConnectOptions(logger.target).with_api_key(KEYS[who], who)


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[LoggerProcess]:
    """A logger for three identities that has room for 64 sessions."""
    with LoggerProcess(tmp_path, with_keys(tmp_path), program=(LIMITED, "NOFILE=320")) as logger:
        yield logger


def open_many(logger: LoggerProcess, who: str, *, stay: bool) -> list[JsonLoggerClient]:
    """Open logs until it is refused, 1000 at the most, and leave each at once or stay."""
    held = []
    connection = connect(options_of(logger, who))
    for number in range(1000):
        try:
            log = JsonLoggerClient(f"{who}{number}.log", THEN_DETACH, connect=connection)
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
        with JsonLoggerClient(f"{number}.log", connect=options_of(few_files, "honest")) as log:
            assert log.log_data("m", {}, {}) == 1
    assert len(held) == (32 if stay else 0)


@pytest.fixture
def small_memory(tmp_path: Path) -> Iterator[LoggerProcess]:
    """A logger for three identities with 4 GB of address space."""
    program = (LIMITED, f"AS={4 << 30}")
    with LoggerProcess(tmp_path, with_keys(tmp_path), program=program) as logger:
        yield logger


def send_huge(target: str, method: str, message: bytes, metadata: Metadata) -> grpc.StatusCode:
    """Call a method with these bytes as its request, on a connection of its own."""
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
        with JsonLoggerClient("a.log", connect=options_of(logger, "honest")) as log:
            for seq in range(1, 51):
                assert log.log_data("m", {}, {}) == seq
        assert {item.result() for item in sent} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert memory.most < STATED_BYTES
    assert logger.terminate() == 0
    assert "MemoryError" not in (logger.folder / "server.err").read_text()
