"""Closing a log writes the waiting batches, and never hangs, also without an event loop."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from json_logger_server.batch import PendingBatch
from json_logger_server.json_log import Durability, JsonLog
from json_logger_server.records import Record
from json_logger_server.storage.log_file import LogFile
from logger_process import records_in
from session_sharing import ResourceLostError, SessionExpiredError

RAW = msgspec.Raw(b"{}")


def batch(number: int) -> PendingBatch:
    record = Record(datetime(2026, 1, 1, tzinfo=timezone.utc), f"m{number}", RAW, RAW)
    return PendingBatch([record], "client", number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def append(log: JsonLog, *numbers: int) -> list[PendingBatch]:
    batches = [batch(number) for number in numbers]
    for pending in batches:
        log.append(pending)
    return batches


def open_log(path: Path, durability: Durability = Durability.FLUSHED) -> JsonLog:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0))
    loop = asyncio.get_running_loop()
    return JsonLog(LogFile(handle, path), loop, durability, ThreadPoolExecutor(1))


@pytest.mark.parametrize("durability", list(Durability))
def test_waiting_batches_are_written_before_the_file_is_closed(
    path: Path, durability: Durability
) -> None:
    async def run() -> None:
        log = open_log(path, durability)
        waiting = append(log, 1, 2, 3, 4, 5)
        await asyncio.to_thread(log.close)
        assert [await pending.outcome() for pending in waiting] == [1, 2, 3, 4, 5]
        with pytest.raises(SessionExpiredError):
            append(log, 6)

    asyncio.run(run())
    assert len(records_in(path)) == 5


def test_a_log_is_closed_also_when_its_event_loop_has_ended(path: Path) -> None:
    async def run() -> JsonLog:
        log = open_log(path)
        append(log, 1)
        return log

    log = asyncio.run(run())
    log.close()
    with pytest.raises(OSError) as refused:
        os.fstat(log.file.handle)
    assert refused.value.errno == errno.EBADF


def test_a_file_is_not_closed_while_a_thread_writes_to_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, may_write = threading.Event(), threading.Event()

    async def run() -> JsonLog:
        log = open_log(path)
        write = log.file.append

        def write_late(*lines: Any, **options: Any) -> None:
            writing.set()
            assert may_write.wait(60)
            write(*lines, **options)

        monkeypatch.setattr(log.file, "append", write_late)
        monkeypatch.setattr(log, "_is_quick", lambda _: False)
        append(log, 1)
        assert await asyncio.to_thread(writing.wait, 60)
        return log

    log = asyncio.run(run())
    closing = threading.Thread(target=log.close)
    closing.start()
    closing.join(0.2)
    os.fstat(log.file.handle)  # is open
    may_write.set()
    closing.join(60)
    assert len(records_in(path)) == 1


def test_every_caller_in_a_group_gets_an_unexpected_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        log = open_log(path)

        def fail(*_: object, **__: object) -> None:
            raise MemoryError

        monkeypatch.setattr(log.file, "append", fail)
        for pending in append(log, 1, 2):
            with pytest.raises(ResourceLostError, match="MemoryError"):
                await pending.outcome()
        with pytest.raises(ResourceLostError):
            append(log, 3)
        await asyncio.to_thread(log.close)

    asyncio.run(run())
    assert records_in(path) == []
