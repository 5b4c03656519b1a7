"""Logs are read while they are written: by their files, and by an open session."""

from __future__ import annotations

import math
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from json_logger_client import (
    ConnectionClosedError,
    JsonLoggerClient,
    StreamOptions,
    read_log,
)
from json_logger_client.records import to_polars
from json_logger_server.cli import main
from logger_process import LoggerProcess

needs_renames_of_open_files = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not rename open files"
)


@pytest.fixture
def name() -> str:
    return f"{uuid.uuid4().hex}.ndjson"


def rotate(logger: LoggerProcess, name: str) -> None:
    done = CliRunner().invoke(main, ["rotate", name, f"--state-file={logger.state_file}"])
    assert done.exit_code == 0, done.output


def numbers(log: JsonLoggerClient | Path) -> list[int]:
    return [record.measurement_outputs["v"] for record in read_log(log)]


def test_a_session_returns_what_was_acknowledged(logger: LoggerProcess, name: str) -> None:
    with logger.client(name) as log:
        assert list(read_log(log)) == []
        for value in (1.5, math.inf, 3):
            log.log_data("leak", {"voltage": 3.3}, {"current": value})
        found = list(read_log(log))
        assert [record.measurement_outputs["current"] for record in found] == [1.5, math.inf, 3]
        assert [record.seq for record in found] == [1, 2, 3]
        assert {record.file for record in found} == {log.path}
        assert [r.seq for r in read_log(log, where={"current": 3})] == [3]


@needs_renames_of_open_files
def test_a_session_returns_the_records_of_all_its_files(logger: LoggerProcess, name: str) -> None:
    with logger.client(name) as log:
        for value in range(6):
            log.log_data("m", {}, {"v": value})
            if value % 2:
                rotate(logger, name)
        assert numbers(log) == numbers(Path(log.path)) == [*range(6)]


def test_tables_of_a_session_do_not_change_while_they_are_made(
    logger: LoggerProcess, name: str
) -> None:
    """The columns change at the end, so that the records are read a second time."""
    with logger.client(name) as log, log.stream() as stream:
        for value in range(20_000):
            stream.log("m", {}, {"v": value})
        stream.log("m", {}, {"v": 0.5, "late": "x"})
        stream.flush()
        for value in range(5_000):
            stream.log("m", {}, {"v": value})
        table = to_polars(log)["m"]
        assert table["outputs.v"][:20_001].to_list() == [*map(float, range(20_000)), 0.5]
        assert table["outputs.late"][20_000] == "x"
        assert table["seq"].to_list() == [*range(1, len(table) + 1)]


def test_a_closed_session_says_so(logger: LoggerProcess, name: str) -> None:
    with logger.client(name) as log:
        log.log_data("m", {}, {"v": 1})
    with pytest.raises(ConnectionClosedError):
        list(read_log(log))


@needs_renames_of_open_files
def test_a_reader_never_sees_half_a_record_nor_loses_one_to_a_rotation(
    logger: LoggerProcess, name: str
) -> None:
    def write() -> None:
        with logger.client(name) as log, log.stream(StreamOptions(max_batch_records=50)) as stream:
            for value in range(5_000):
                stream.log("m", {}, {"v": value, "filler": "x" * (value % 3000)})

    with logger.client(name) as log, ThreadPoolExecutor() as threads:
        log.log_data("m", {}, {"v": -1})
        writer = threads.submit(write)
        earlier = rounds = 0
        while not writer.done():
            rounds += 1
            if rounds % 5 == 0:
                rotate(logger, name)
            seqs = [record.seq for record in read_log(log.path)]
            assert seqs == [*range(1, len(seqs) + 1)]
            assert len(seqs) >= earlier
            earlier = len(seqs)
        writer.result()
        assert numbers(Path(log.path)) == [-1, *range(5_000)]
