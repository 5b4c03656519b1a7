"""P8, T31: a logger that is stopped under load loses no acknowledged record."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from json_logger_client import JsonLoggerClient, StreamOptions
from logger_process import LoggerProcess, records_in
from processes import eventually
from session_sharing import SessionSharingError

WRITERS = 4


def _write_until_refused(log: JsonLoggerClient, acknowledged: list[int]) -> None:
    try:
        while True:
            acknowledged.append(log.log_data("m", {}, {"value": len(acknowledged)}))
    except SessionSharingError:
        log.connection.close()


def _stream_until_refused(log: JsonLoggerClient, acknowledged: list[int]) -> None:
    values = itertools.count()
    try:
        with log.stream(StreamOptions(max_batch_records=7)) as stream:
            while True:
                batch = list(itertools.islice(values, 50))
                for value in batch:
                    stream.log("streamed", {}, {"value": value})
                stream.flush()
                acknowledged += batch
    except SessionSharingError:
        log.connection.close()


def _open(logger: LoggerProcess) -> JsonLoggerClient:
    """Open with the default timeout, because the machine may be busy; then use a short one."""
    log = JsonLoggerClient("load.ndjson", connection=logger.connect())
    log.connection.options = replace(log.connection.options, timeout=2.0)
    return log


def _terminate_under_load(folder: Path) -> None:
    acknowledged: list[list[int]] = [[] for _ in range(WRITERS)]
    streamed: list[int] = []
    work = [(_write_until_refused, seqs) for seqs in acknowledged]
    work.append((_stream_until_refused, streamed))
    with LoggerProcess(folder) as logger:
        threads = [
            threading.Thread(target=write, args=(_open(logger), done)) for write, done in work
        ]
        for thread in threads:
            thread.start()
        eventually(lambda: all(acknowledged) and bool(streamed))
        assert logger.terminate() == 0
        for thread in threads:
            thread.join()

    _check_log(folder / "load.ndjson", acknowledged, streamed)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert left == {"load.ndjson", "server.err", "state"}


def _check_log(path: Path, acknowledged: list[list[int]], streamed: list[int]) -> None:
    records = records_in(path)
    written = [record["seq"] for record in records]
    assert written == list(range(1, len(records) + 1))
    for seqs in acknowledged:
        assert seqs == sorted(seqs) and set(seqs) <= set(written)
    of_the_stream = [r for r in records if r["measurement_name"] == "streamed"]
    values = [record["measurement_outputs"]["value"] for record in of_the_stream]
    assert values == list(range(len(values)))
    assert values[: len(streamed)] == streamed


def test_sigterm_under_load_keeps_every_acknowledged_record_and_leaves_only_logs(
    tmp_path: Path,
) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        _terminate_under_load(folder)


@pytest.mark.soak
def test_sigterm_under_load_a_hundred_times(tmp_path: Path) -> None:
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        _terminate_under_load(folder)
