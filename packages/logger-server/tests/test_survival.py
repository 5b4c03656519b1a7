"""P1: an acknowledged record survives SIGKILL of the server, once and in order."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from json_logger_client import ConnectOptions, JsonLoggerClient, StreamOptions
from json_logger_proto import json_logger_pb2 as pb
from json_logger_server.storage.verify import verify
from logger_process import LoggerProcess, records_in
from open_files import count_handles
from session_sharing import SessionSharingError
from waveforms import waveforms_of_record

LOGGERS = 3


def waveform(name: str, number: int) -> dict[str, np.ndarray]:
    """Return the waveform that every third record has, of 256 to 100,000 samples.

    From 32,768 samples on, it goes to the server as memory where the system can do that.
    """
    if number % 3:
        return {}
    chance = np.random.default_rng([number, *name.encode()])
    return {
        "waveform": chance.random(
            chance.choice([256, 1000, 40_000, 100_000], p=[0.55, 0.3, 0.1, 0.05])
        )
    }


class Load:
    """Clients that log as fast as they can, and the records that were acknowledged to each."""

    def __init__(self, connect: ConnectOptions, round_number: int) -> None:
        self._connect = connect
        self._prefix = f"round {round_number}"
        self.acknowledged: dict[str, int] = {}
        """Client, and how many of its records are acknowledged: those from 0 on."""
        self.started = threading.Barrier(LOGGERS + 2)
        self._threads = [
            *(threading.Thread(target=self._log, args=(n,)) for n in range(LOGGERS)),
            threading.Thread(target=self._stream),
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _open(self) -> JsonLoggerClient:
        """Open with a long timeout, because others open, too; then use a short one."""
        log = JsonLoggerClient("a.ndjson", connection=self._connect)
        log.connection.options = replace(log.connection.options, timeout=0.3)
        return log

    def _log(self, number: int) -> None:
        name = f"{self._prefix} client {number}"
        self.acknowledged[name] = 0
        log = self._open()
        self.started.wait()
        try:
            while True:
                count = self.acknowledged[name]
                log.log_data(name, {}, {"n": count, **waveform(name, count)})
                self.acknowledged[name] += 1
        except SessionSharingError:
            log.connection.close()

    def _stream(self) -> None:
        name = f"{self._prefix} stream"
        self.acknowledged[name] = 0
        log = self._open()
        self.started.wait()
        sent = 0
        try:
            with log.stream(StreamOptions(max_batch_records=7)) as stream:
                while True:
                    for _ in range(50):
                        stream.log(name, {}, {"n": sent, **waveform(name, sent)})
                        sent += 1
                    stream.flush()
                    self.acknowledged[name] = sent
        except SessionSharingError:
            log.connection.close()


@pytest.mark.parametrize("durability", ["flushed", "durable"])
@pytest.mark.parametrize("rounds", [5, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_every_acknowledged_record_is_in_the_file_once_and_in_order_after_sigkill(
    tmp_path: Path, rounds: int, durability: str
) -> None:
    chance = random.Random(rounds)
    acknowledged: dict[str, int] = {}
    for round_number in range(rounds):
        with LoggerProcess(tmp_path, f"--durability={durability}") as logger:
            load = Load(logger.connect(), round_number)
            load.started.wait()
            threading.Event().wait(chance.uniform(0.0, 0.4))  # the kill comes at a random moment
            logger.kill()
            load.join()
            acknowledged |= load.acknowledged
    with LoggerProcess(tmp_path) as logger, logger.client("a.ndjson") as log:
        log.log_data("the restarted server opens it", {}, {})

    assert verify(tmp_path / "a.ndjson").problem is None
    found: dict[str, list[int]] = {}
    for record in records_in(tmp_path / "a.ndjson"):
        name, outputs = record["measurement_name"], record["measurement_outputs"]
        if "n" in outputs:
            found.setdefault(name, []).append(outputs["n"])
            kept = waveforms_of_record(tmp_path / "a.ndjson", record)
            assert np.array_equal(kept, [*waveform(name, outputs["n"]).values()])
    assert sum(acknowledged.values()) > 100 * rounds
    for name, count in acknowledged.items():
        numbers = found.get(name, [])
        assert numbers == list(range(len(numbers))), f"{name}: not once and in order"
        assert len(numbers) >= count, f"{name}: {count} acknowledged, {len(numbers)} found"


@pytest.fixture
def probe(anonymous: LoggerProcess) -> Iterator[psutil.Process]:
    yield psutil.Process(anonymous.pid)


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.soak)])
@pytest.mark.timeout(600)
def test_opening_and_closing_leaves_descriptors_threads_and_memory_as_they_were(
    anonymous: LoggerProcess, folder: Path, probe: psutil.Process, count: int
) -> None:
    stub = anonymous.reference_stub()

    def open_and_close(times: int, caller: int = 0) -> None:
        for number in range(times):
            path = str(folder / f"{caller}-{number % 50}.ndjson")
            name = stub.InitializeFile(pb.InitializeFileRequest(file_path=path)).session_name
            stub.LogMeasurementData(pb.LogMeasurementDataRequest(session_name=name))
            stub.CloseFile(pb.CloseFileRequest(session_name=name))

    with ThreadPoolExecutor(40) as callers:  # as many threads start as the server may need
        list(callers.map(partial(open_and_close, 5), range(1, 41)))
    open_and_close(200)  # buffers and the event log fill up
    descriptors, threads = count_handles(probe), probe.num_threads()
    memory = probe.memory_info().rss
    open_and_close(count)

    assert count_handles(probe) <= descriptors
    assert probe.num_threads() <= threads + 2
    growth = probe.memory_info().rss - memory
    # The event log keeps the latest 4,096 events, which are still coming in; then nothing grows.
    assert growth < 8 * 1024 * 1024, f"{growth} bytes more"
