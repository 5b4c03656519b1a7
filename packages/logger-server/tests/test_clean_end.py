"""P8: a logger that is told to stop while it is written to loses nothing that it acknowledged."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from json_logger_client import JsonLoggerClient
from logger_process import LoggerProcess
from session_sharing.core.errors import SessionSharingError

WRITERS = 4


def _write_until_refused(log: JsonLoggerClient, acknowledged: list[int]) -> None:
    try:
        while True:
            acknowledged.append(log.log_data("m", {}, {"value": len(acknowledged)}))
    except SessionSharingError:
        log.connection.close()


def _terminate_under_load(folder: Path) -> None:
    acknowledged: list[list[int]] = [[] for _ in range(WRITERS)]
    with LoggerProcess(folder) as logger:
        options = logger.connect(timeout=2.0, attempts=1)
        logs = [JsonLoggerClient("load.ndjson", connect=options) for _ in range(WRITERS)]
        threads = [
            threading.Thread(target=_write_until_refused, args=pair)
            for pair in zip(logs, acknowledged, strict=True)
        ]
        for thread in threads:
            thread.start()
        while not all(acknowledged):
            threads[0].join(0.01)
        assert logger.terminate() == 0
        for thread in threads:
            thread.join()

    lines = (folder / "load.ndjson").read_text().splitlines()
    written = [json.loads(line)["seq"] for line in lines]
    assert written == list(range(1, len(lines) + 1))
    for seqs in acknowledged:
        assert seqs == sorted(seqs) and set(seqs) <= set(written)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert left == {"load.ndjson", "server.err", "state"}


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
