"""A reader finds a record by its number, and returns only committed lines."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_logger_proto.log_files.lines import read_at
from json_logger_proto.log_format import rotated_path
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.reading import CommittedLines


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("reading") / "a.log"


def open_log(path: Path, lines: list[bytes]) -> LogFile:
    path.write_bytes(b"".join(lines))
    return LogFile(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)), path)


def read_from(log: LogFile, seq: int) -> bytes:
    with CommittedLines(log) as reader:
        reader.seek(seq)
        return b"".join(iter(reader.read, b""))


def line(seq: int | None, filler: int = 0) -> bytes:
    record = {"filler": "é" * filler} if seq is None else {"seq": seq, "filler": "x" * filler}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


# None is a line of another program, which has no number.
steps = st.lists(
    st.tuples(st.sampled_from([None, 1, 1, 1, 2, 9]), st.sampled_from([0, 1, 30, 3000])),
    max_size=25,
)


@settings(deadline=None)
@given(steps=steps, wanted=st.integers(0, 60))
def test_a_number_is_found_as_by_reading_everything(
    path: Path, steps: list[tuple[int | None, int]], wanted: int
) -> None:
    seq, lines, numbers = 0, [], []
    for step, filler in steps:
        seq += step or 0
        numbers.append(seq if step else None)
        lines.append(line(numbers[-1], filler))
    log = open_log(path, lines)

    lower = [index for index, number in enumerate(numbers) if number and number < wanted]
    expected = lines[lower[-1] + 1 :] if lower else lines
    assert read_from(log, wanted) == b"".join(expected)
    log.close()


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    live=st.integers(0, 5),
    wanted=st.integers(0, 40),
    filler=st.sampled_from([0, 3000]),
)
def test_a_number_is_found_over_rotated_files(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    live: int,
    wanted: int,
    filler: int,
) -> None:
    path = tmp_path_factory.mktemp("rotated") / "a.log"
    seq = 1
    for count in lengths:
        part = b"".join(line(number, filler) for number in range(seq, seq + count))
        rotated_path(path, seq).write_bytes(part)
        seq += count
    log = open_log(path, [line(number, filler) for number in range(seq, seq + live)])
    assert log.find_first_seq() == seq
    everything = range(max(wanted, 1), seq + live)
    assert read_from(log, wanted) == b"".join(line(number, filler) for number in everything)
    log.close()


def test_large_records_are_read_whole(path: Path) -> None:
    lines = [line(1), line(2, 700_000), line(3), line(4, 300_000)]
    log = open_log(path, lines)
    with CommittedLines(log) as reader:
        reader.seek(2)
        chunks = list(iter(reader.read, b""))
        assert reader.next_seq == 5
    assert b"".join(chunks) == b"".join(lines[1:])
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    log.close()


def test_readers_do_not_see_records_before_they_are_committed(path: Path) -> None:
    log = open_log(path, [line(1)])
    with CommittedLines(log) as reader:
        assert reader.read() == line(1)
        with path.open("ab") as uncommitted:
            uncommitted.write(line(2))
        assert reader.read() == b""
        os.truncate(path, log.size)
        log.append(line(2, 5), sync=False)
        assert reader.read() == line(2, 5)
    log.close()


def test_a_reader_is_closed_only_after_its_read_because_its_descriptor_could_be_reused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log(path, [line(1)])
    reader = CommittedLines(log)
    reading, go_on = threading.Event(), threading.Event()

    def read_slowly(handle: int, start: int, length: int) -> bytes:
        reading.set()
        assert go_on.wait(10)
        return read_at(handle, start, length)  # fails on a closed descriptor

    monkeypatch.setattr("json_logger_server.storage.reading.read_at", read_slowly)
    with ThreadPoolExecutor() as threads:
        data = threads.submit(reader.read)
        assert reading.wait(10)
        closed = threads.submit(reader.close)
        assert not closed.done()
        go_on.set()
        assert data.result() == line(1)
        closed.result()
    with pytest.raises(ValueError, match="closed"):
        reader.read()
    log.close()
