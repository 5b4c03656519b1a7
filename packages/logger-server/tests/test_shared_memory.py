"""Waveforms that a client on the server's host hands over as memory are as safe as others."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from capabilities import needs_shared_memory
from chaos_proxy import ChaosProxy
from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_client.waveforms import SHORTEST_WAVEFORM
from json_logger_server.storage.verify import verify
from logger_process import LoggerProcess
from logger_thread import FaultyDisk, LoggerThread
from memory_use import (
    ARRAY,
    bytes_by_memory,
    bytes_by_memory_of,
    use_memory,
    wait_for_memory,
)
from processes import eventually
from session_sharing.client import StorageFullError
from waveforms import waveforms_in

pytestmark = needs_shared_memory


def test_long_waveforms_after_the_first_come_as_memory_and_bit_for_bit(
    logger_thread: LoggerThread,
) -> None:
    chance = np.random.default_rng(5)
    logged = [
        chance.normal(size=1_000_000),
        chance.normal(size=(200, 300)).T,
        chance.normal(size=80_000)[::-2],
        chance.integers(-9, 9, 200_000).astype(">i2"),
        chance.normal(size=80_000).view("<c16"),
        chance.normal(size=300_000) > 0,
        np.float32(chance.normal(size=300)),
    ]
    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        before = bytes_by_memory(logger_thread)
        for array in logged:
            log.log_data("m", {"a": array}, {"b": [array, {"c": ARRAY}], "short": [1, 2]})
        taken = bytes_by_memory(logger_thread) - before
    assert taken == sum(2 * array.nbytes + ARRAY.nbytes for array in logged[:-1]) + ARRAY.nbytes
    path = logger_thread.options.roots.folders[0] / "a.ndjson"
    found = waveforms_in(path)[1:]
    expected = [array for one in logged for array in (one, one, ARRAY)]
    for array, original in zip(found, expected, strict=True):
        assert array.dtype == original.dtype.newbyteorder("<")
        assert np.array_equal(array, original)
    assert verify(path).waveforms == len(expected) + 1


def test_a_stream_uses_its_memory_again_and_mixes_nothing_up(logger_thread: LoggerThread) -> None:
    sizes = np.random.default_rng(7).integers(100, 80_000, 300)
    with logger_thread.client("a.ndjson") as log, log.stream() as stream:
        for number, size in enumerate(sizes):
            array = np.full(size, float(number))
            stream.log("m", {}, {"a": array})
            array.fill(-1)  # the caller may change it
        stream.flush()
        assert sum(map(len, stream._sender.memory._unused)) <= 64 << 20
    found = waveforms_in(logger_thread.options.roots.folders[0] / "a.ndjson")
    logged = [(number, size) for number, size in enumerate(sizes) if size >= SHORTEST_WAVEFORM]
    assert [(array[0], array.size) for array in found] == logged
    assert all((array == array[0]).all() for array in found)
    assert bytes_by_memory(logger_thread) > 0


def test_unused_memory_is_given_back_when_nothing_is_logged(logger_thread: LoggerThread) -> None:
    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        for _ in range(3):
            log.log_data("m", {}, {"a": ARRAY})
        assert log._calls.memory._unused
        eventually(lambda: not log._calls.memory._unused)
        log.log_data("m", {}, {"a": ARRAY})


def test_a_full_disk_refuses_memory_and_shows_nothing_of_it(logger_thread: LoggerThread) -> None:
    disk = logger_thread.options.disk
    assert isinstance(disk, FaultyDisk)
    folder = logger_thread.options.roots.folders[0]
    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        size = (folder / "a.waveforms").stat().st_size
        disk.room = 30_000
        with pytest.raises(StorageFullError):
            log.log_data("m", {}, {"a": ARRAY})
        disk.room = None
        assert (folder / "a.waveforms").stat().st_size == size
        assert log.log_data("m", {}, {"a": ARRAY}) == 2


def test_memory_is_written_once_whatever_ends_connections_and_servers(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(LoggerProcess(tmp_path, "--anonymous"))
        proxy = stack.enter_context(ChaosProxy(server.target))
        connect = ConnectOptions(proxy.target, timeout=60.0)
        with JsonLoggerClient("a.ndjson", connection=connect, reset_after_restart=True) as log:
            use_memory(log)
            with log.stream() as stream:
                for number in range(60):
                    if number % 20 == 15:
                        server.kill()
                        server = LoggerProcess(tmp_path, "--anonymous")
                        stack.enter_context(server)
                        proxy.upstream = server.target
                    if number % 4 == 3:
                        proxy.cut()
                    stream.log("m", {}, {"a": np.full(40_000, float(number))})
                    if number % 3 == 2:
                        stream.flush()
                wait_for_memory(stream._sender)
                stream.log("m", {}, {"a": np.full(40_000, 60.0)})
            assert bytes_by_memory_of(server) > 0
    found = waveforms_in(tmp_path / "a.ndjson")[1:]
    assert [array[0] for array in found] == [*range(61)]
    assert all((array == array[0]).all() for array in found)
