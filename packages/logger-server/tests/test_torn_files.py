"""P2: a torn tail is moved aside when the log is opened; it never merges with or blocks records."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.repair import TAIL_WINDOW
from session_sharing import NotAResourceError

RECORD = {
    "timestamp": "2026-01-01T12:00:00.000001Z",
    "measurement_name": 'Spannung {ä} "\n" ✓',
    "measurement_configurations": {"range": [1, 2.5, {"deep": None}]},
    "measurement_outputs": {"values": [1.5, "}\n"]},
}


def line(seq: int, **more: object) -> bytes:
    return json.dumps({**RECORD, "seq": seq, **more}, ensure_ascii=False).encode() + b"\n"


def open_log(path: Path) -> LogFile:
    return LogFile(os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0)), path)


def reopened(path: Path) -> bytes:
    """Open and close a file as a server does; return its bytes."""
    open_log(path).close()
    return path.read_bytes()


def fragments(path: Path) -> list[bytes]:
    return [found.read_bytes() for found in path.parent.glob("*.torn-*")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ndjson"


def test_a_file_cut_at_any_byte_of_its_last_record_keeps_all_earlier_records(
    tmp_path: Path,
) -> None:
    intact = line(1) + line(2)
    last = line(3)
    for kept in range(len(last) + 1):
        folder = tmp_path / str(kept)
        folder.mkdir()
        path = folder / "a.ndjson"
        path.write_bytes(intact + last[:kept])

        log = open_log(path)
        whole = kept >= len(last) - 1
        assert path.read_bytes() == intact + (last if whole else b"")
        assert fragments(path) == ([] if whole or not kept else [last[:kept]])
        assert log.end.tail[-1].seq == (3 if whole else 2)
        log.close()


def test_the_very_first_record_may_be_torn(path: Path) -> None:
    path.write_bytes(line(1)[:40])
    assert reopened(path) == b""
    assert fragments(path) == [line(1)[:40]]


@pytest.mark.parametrize(
    ("kept", "lost"),
    [
        (b"", b"\0" * 5000),
        (line(1), b"\0" * 5000),
        (line(1), b"\0" * 100 + line(2)[100:]),
        (line(1), line(2)[:50] + b"\0" * 50 + b"\n"),
        (line(1), b"\0\0\n\0\0\n" + line(4)[:9]),
    ],
)
def test_zeros_that_a_power_loss_left_are_moved_aside(path: Path, kept: bytes, lost: bytes) -> None:
    path.write_bytes(kept + lost)
    assert reopened(path) == kept
    assert fragments(path) == [lost]


def test_a_complete_record_without_newline_gets_one(path: Path) -> None:
    path.write_bytes((line(1) + line(2))[:-1])
    assert reopened(path) == line(1) + line(2)


def test_a_torn_tail_never_replaces_an_earlier_torn_tail(path: Path) -> None:
    for content in (b'{"a', b'{"b'):
        path.write_bytes(line(1) + content)
        reopened(path)
    assert sorted(fragments(path)) == [b'{"a', b'{"b']


@pytest.mark.parametrize("stem", ["n" * 251, "測" * 83 + "nn"])
def test_a_log_with_the_longest_possible_name_is_repaired(tmp_path: Path, stem: str) -> None:
    path = tmp_path / f"{stem}.log"
    path.write_bytes(line(1) + b"{")
    assert reopened(path) == line(1)


def test_a_file_that_is_not_a_log_is_refused_and_not_changed(path: Path) -> None:
    for content in (b"hello", b"[1]\n", b"{\n}\n", line(1) + b"oops\n", b"\xef\xbb\xbf{}\n"):
        path.write_bytes(content)
        with pytest.raises(NotAResourceError):
            open_log(path)
        assert path.read_bytes() == content


def test_the_numbers_continue_after_a_last_record_that_is_longer_than_the_window(
    path: Path,
) -> None:
    big = line(2, client="c", client_seq=7, filler="x" * (2 * TAIL_WINDOW))
    path.write_bytes(line(1) + big)
    log = open_log(path)
    assert [(found.seq, found.client_seq) for found in log.end.tail] == [(2, 7)]
    assert not log.end.tail_is_all
    log.close()


def test_lines_of_other_programs_and_blank_lines_are_left_alone(path: Path) -> None:
    content = b'{"a": 1}\r\n' + line(1) + b'{"seq": "x"}\n{"seq": -4}\n\n'
    path.write_bytes(content)
    log = open_log(path)
    assert [found.seq for found in log.end.tail if found.seq] == [1]
    log.close()
    assert path.read_bytes() == content


def test_opening_reads_a_little_of_a_large_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(line(1) * 100_000)
    read = 0
    real = os.read

    def counting(handle: int, length: int) -> bytes:
        nonlocal read
        data = real(handle, length)
        read += len(data)
        return data

    monkeypatch.setattr(os, "read", counting)
    open_log(path).close()
    assert read < 3 * TAIL_WINDOW < path.stat().st_size / 10


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("scratch")


@settings(deadline=None)
@given(
    whole=st.lists(st.integers(1, 10**6), max_size=5),
    torn=st.binary(max_size=200).filter(lambda data: b"\n" not in data),
)
def test_whole_lines_survive_any_bytes_that_a_crash_leaves(
    scratch: Path, whole: list[int], torn: bytes
) -> None:
    path = scratch / "a.log"
    intact = b"".join(line(seq) for seq in whole)
    path.write_bytes(intact + torn)
    try:
        after = reopened(path)
    except NotAResourceError:
        assert not whole, "a log must not be taken for something else"
        assert path.read_bytes() == torn
        return
    assert after.startswith(intact)
    left = after[len(intact) :]
    assert left in (b"", torn + b"\n")
    assert all(isinstance(json.loads(found), dict) for found in after.splitlines() if found.strip())
