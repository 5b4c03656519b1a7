"""P2 for waveforms: whatever a crash, a user or another program left, opening loses no sample."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from capabilities import needs_fifos, needs_symlinks
from hypothesis import given, settings
from hypothesis import strategies as st
from json_logger_proto.log_format import (
    LOG_SUFFIXES,
    WAVEFORM_HEADER,
    aligned,
    waveform_file_name,
)
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.verify import verify
from logger_process import LoggerProcess, records_in
from session_sharing import SessionSharingError
from session_sharing.client import NotAResourceError, NotPermittedError
from waveforms import waveforms_in, waveforms_of_record

ARRAY = np.arange(500.0)


@dataclass
class Piece:
    """Samples with a place, as the server writes them."""

    array: np.ndarray
    offset: int

    def pieces(self) -> list[memoryview]:
        return [memoryview(self.array.tobytes())]


@contextmanager
def opened(path: Path, *, new: bool = False) -> Iterator[LogFile]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    log = LogFile(os.open(path, flags), path, new=new)
    try:
        yield log
    finally:
        log.close()


def line(seq: int, *waveforms: Piece, padding: int = 0) -> bytes:
    """Return a line of a log that refers to waveforms."""
    outputs = [
        {
            "$waveform": {
                "offset": one.offset,
                "count": one.array.size,
                "dtype": one.array.dtype.str,
                "shape": list(one.array.shape),
                "crc32": zlib.crc32(one.array.tobytes()),
            }
        }
        for one in waveforms
    ]
    record = {
        "timestamp": "2026-01-01T12:00:00Z",
        "measurement_name": "m" + "x" * padding,
        "measurement_configurations": {},
        "measurement_outputs": {"a": outputs},
        "seq": seq,
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def append(log: LogFile, seq: int, *arrays: np.ndarray, padding: int = 0) -> None:
    end = log.waveforms.prepare(sync=False) if arrays else 0
    pieces = []
    for array in arrays:
        pieces.append(Piece(array, aligned(end)))
        end = pieces[-1].offset + array.nbytes
    log.append(line(seq, *pieces, padding=padding), pieces, sync=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ndjson"


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return tmp_path / "a.waveforms"


@given(st.lists(st.sampled_from(["a", "b", *LOG_SUFFIXES, ".1", ".waveforms"]), min_size=1))
def test_no_two_logs_have_the_same_file_of_waveforms(parts: list[str]) -> None:
    name = "".join(parts)
    names = {name + suffix for suffix in LOG_SUFFIXES} | {name} | {f"{name}.log.ndjson"}
    logs = {name for name in names if name.endswith(LOG_SUFFIXES)}
    assert len({waveform_file_name(name) for name in logs}) == len(logs)
    assert not any(waveform_file_name(name).endswith(LOG_SUFFIXES) for name in logs)


def test_the_name_of_the_file_follows_from_the_name_of_the_log() -> None:
    assert waveform_file_name("measurements.ndjson") == "measurements.waveforms"
    assert waveform_file_name("measurements.1.ndjson") == "measurements.1.waveforms"
    assert waveform_file_name("measurements.log") == "measurements.log.waveforms"
    assert waveform_file_name("measurements.log.ndjson") == "measurements.log.ndjson.waveforms"


def test_what_no_record_refers_to_is_cut_off_when_the_log_is_opened(
    path: Path, samples: Path
) -> None:
    with opened(path, new=True) as log:
        append(log, 1, ARRAY, ARRAY + 1)
        append(log, 2)
    size = samples.stat().st_size
    for extra in (1, 40, 100_000):
        with samples.open("ab") as file:
            file.write(b"\xff" * extra)
        with opened(path):
            assert samples.stat().st_size == size
    with opened(path) as log:
        append(log, 3, ARRAY + 2)
    assert [int(array[0]) for array in waveforms_in(path)] == [0, 1, 2]
    assert verify(path).problem is None


def test_samples_of_a_first_record_that_was_never_written_are_cut_off(
    path: Path, samples: Path
) -> None:
    path.write_bytes(b"")
    samples.write_bytes(WAVEFORM_HEADER + b"\xff" * 1000)
    with opened(path) as log:
        assert samples.read_bytes() == WAVEFORM_HEADER
        append(log, 1, ARRAY)
    assert len(waveforms_in(path)) == 1


def test_the_last_reference_is_found_in_a_torn_log_and_not_in_its_torn_line(
    path: Path, samples: Path
) -> None:
    with opened(path, new=True) as log:
        append(log, 1, ARRAY)
        size = samples.stat().st_size
        append(log, 2, ARRAY + 1)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 30)
    with opened(path):
        assert samples.stat().st_size == size
    assert len(waveforms_in(path)) == 1


def test_opening_searches_only_the_end_of_the_log_and_the_next_waveform_searches_all_of_it(
    path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between them, more text without waveforms was logged than opening a log may read."""
    with opened(path, new=True) as log:
        append(log, 1, ARRAY)
        for seq in range(2, 200):
            append(log, seq, padding=100_000)
    size = samples.stat().st_size
    with samples.open("ab") as file:
        file.write(b"\xff" * 5000)

    read = 0
    system_read = os.read

    def counted(handle: int, length: int) -> bytes:
        nonlocal read
        data = system_read(handle, length)
        read += len(data)
        return data

    monkeypatch.setattr(os, "read", counted)
    with opened(path) as log:
        assert read < 10_000_000
        assert samples.stat().st_size == size + 5000
        append(log, 200)
        append(log, 201, ARRAY + 1)
    monkeypatch.undo()
    assert samples.stat().st_size == aligned(size) + ARRAY.nbytes
    assert np.array_equal(waveforms_in(path), [ARRAY, ARRAY + 1])
    assert verify(path).problem is None


def test_a_missing_file_is_reported_and_new_waveforms_do_not_take_the_places_of_the_lost(
    path: Path, samples: Path
) -> None:
    with opened(path, new=True) as log:
        append(log, 1, ARRAY)
        append(log, 2)
    samples.unlink()
    with opened(path) as log:
        assert log.end.tail[-1].seq == 2
        problem = verify(path).problem
        assert problem is not None
        assert "a.waveforms" in problem.reason
        append(log, 3, ARRAY + 1)
    problem = verify(path).problem
    assert problem is not None
    assert (problem.line, "checksum" in problem.reason) == (1, True)
    assert np.array_equal(waveforms_of_record(path, records_in(path)[2])[0], ARRAY + 1)


def test_a_file_that_is_too_short_keeps_what_it_has(path: Path, samples: Path) -> None:
    with opened(path, new=True) as log:
        append(log, 1, ARRAY)
        append(log, 2, ARRAY + 1)
    with samples.open("r+b") as file:
        file.truncate(samples.stat().st_size - 8)
    with opened(path) as log:
        problem = verify(path).problem
        assert problem is not None
        assert (problem.line, "ends before" in problem.reason) == (2, True)
        append(log, 3, ARRAY + 2)
    first, _, last = records_in(path)
    assert np.array_equal(waveforms_of_record(path, first)[0], ARRAY)
    assert np.array_equal(waveforms_of_record(path, last)[0], ARRAY + 2)


@pytest.mark.parametrize("head", [b"", WAVEFORM_HEADER[:10], b"\0" * 64, b"\0" * 5000])
def test_a_header_that_a_crash_left_incomplete_is_written_again(
    path: Path, samples: Path, head: bytes
) -> None:
    path.write_bytes(line(1))
    samples.write_bytes(head)
    with opened(path) as log:
        append(log, 2, ARRAY)
    assert samples.read_bytes()[:64] == WAVEFORM_HEADER
    assert np.array_equal(waveforms_in(path), [ARRAY])


def test_a_file_of_another_program_is_never_changed(path: Path, samples: Path) -> None:
    path.write_bytes(line(1))
    samples.write_bytes(b"RIFF" * 100)
    with opened(path) as log:
        for _ in range(2):
            with pytest.raises(NotAResourceError, match="Move it to another place"):
                append(log, 2, ARRAY)
        append(log, 2)
        assert samples.read_bytes() == b"RIFF" * 100
        samples.rename(samples.with_name("mine.wav"))
        append(log, 3, ARRAY)
    assert np.array_equal(waveforms_in(path), [ARRAY])


@needs_symlinks
def test_a_link_that_somebody_planted_is_not_followed(
    path: Path, samples: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(WAVEFORM_HEADER + b"precious" * 100)
    samples.symlink_to(victim)
    path.write_bytes(line(1))
    with opened(path) as log, pytest.raises(NotPermittedError):
        append(log, 2, ARRAY)
    assert victim.read_bytes() == WAVEFORM_HEADER + b"precious" * 100


@needs_fifos
def test_what_is_no_plain_file_blocks_nothing(path: Path, samples: Path) -> None:
    os.mkfifo(samples)
    path.write_bytes(line(1))
    with opened(path) as log:
        with pytest.raises(SessionSharingError):
            append(log, 2, ARRAY)
        append(log, 2)
    assert len(records_in(path)) == 2


def test_waveforms_of_a_log_that_was_moved_away_are_set_aside(path: Path, samples: Path) -> None:
    with opened(path, new=True) as log:
        append(log, 1, ARRAY)
    content = samples.read_bytes()
    path.rename(path.with_name("archive.ndjson"))
    with opened(path, new=True) as log:
        append(log, 1, ARRAY + 1)
    assert np.array_equal(waveforms_in(path), [ARRAY + 1])
    (aside,) = path.parent.glob("a.waveforms.unused-*")
    assert aside.read_bytes() == content


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a real server, with records of several kinds."""
    folder = tmp_path_factory.mktemp("mixed")
    with LoggerProcess(folder) as logger, logger.client("a.ndjson") as log:
        for number in range(6):
            log.log_data("plain", {}, {"n": number})
            log.log_data("one", {}, {"a": np.full(256 + number, number)})
            log.log_data("three", {}, {"a": np.arange(3) * 1j, "b": [np.arange(300), ARRAY]})
    return folder / "a.ndjson"


@settings(max_examples=300, deadline=None)
@given(text=st.floats(0, 1), samples=st.floats(0, 1), which=st.sampled_from(["text", "samples"]))
def test_a_log_whose_files_are_cut_at_any_byte_opens_and_keeps_what_both_have(
    mixed: Path, tmp_path_factory: pytest.TempPathFactory, text: float, samples: float, which: str
) -> None:
    folder = mixed.parent / "cut"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path, beside = folder / "a.ndjson", folder / "a.waveforms"
    whole = mixed.with_name("a.waveforms").read_bytes()
    kept_text = mixed.read_bytes()[: round(mixed.stat().st_size * (text if which == "text" else 1))]
    kept = whole[: round(len(whole) * (samples if which == "samples" else 1))]
    path.write_bytes(kept_text)
    beside.write_bytes(kept)

    with opened(path) as log:
        records = records_in(path)
        assert len(records) in (kept_text.count(b"\n"), kept_text.count(b"\n") + 1)
        _check_all_that_was_kept(path, len(kept))
        if which == "text":  # the last record that is left refers to the last bytes that are left
            ends = [64, *(end for record in records for end in _ends(record))]
            assert beside.stat().st_size == ends[-1]
        append(log, len(records) + 1, ARRAY + 7)
        _check_all_that_was_kept(path, len(kept))
    last = records_in(path)[-1]
    assert np.array_equal(waveforms_of_record(path, last)[0], ARRAY + 7)


def _check_all_that_was_kept(path: Path, kept: int) -> None:
    for record in records_in(path):
        if all(end <= kept for end in _ends(record)):
            waveforms_of_record(path, record)  # it checks the checksums


def _ends(record: dict[str, object]) -> list[int]:
    """Return where the waveforms of a record end, by an own reading of the format."""
    found = []
    text = json.dumps(record)
    for part in text.split('{"$waveform": ')[1:]:
        place, _ = json.JSONDecoder().raw_decode(part)
        found.append(place["offset"] + place["count"] * np.dtype(place["dtype"]).itemsize)
    return found


# What `verify` finds is tested on real files that are damaged afterwards.


@pytest.fixture
def damaged(mixed: Path, tmp_path: Path) -> Path:
    for name in ("a.ndjson", "a.waveforms"):
        shutil.copy(mixed.with_name(name), tmp_path / name)
    assert verify(tmp_path / "a.ndjson").waveforms == 24
    return tmp_path / "a.ndjson"


def _edit(path: Path, before: bytes, after: bytes) -> None:
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after, 1))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text, samples: samples.unlink(), "cannot be read"),
        (lambda text, samples: _edit(samples, b"json", b"JSON"), "does not begin like"),
        (lambda text, samples: _edit(samples, b"\x05\0\0\0\0\0\0\0", b"\x06" * 8), "checksum"),
        (lambda text, samples: os.truncate(samples, 10_000), "ends before the waveform"),
        (lambda text, samples: _edit(text, b'"offset":64,', b'"offset":65,'), "cannot begin"),
        (lambda text, samples: _edit(text, b'"shape":[256]', b'"shape":[1]'), "shape"),
        (lambda text, samples: _edit(text, b'"crc32":', b'"crc":'), "field"),
    ],
    ids=["missing", "another file", "changed", "cut", "not aligned", "shape", "field"],
)
def test_verify_finds_damaged_waveforms(damaged: Path, damage: object, reason: str) -> None:
    damage(damaged, damaged.with_name("a.waveforms"))  # type: ignore[operator]
    problem = verify(damaged).problem
    assert problem is not None
    assert reason in problem.reason
    assert problem.file == str(damaged)


def test_verify_ignores_what_another_program_wrote_without_a_number(damaged: Path) -> None:
    with damaged.open("ab") as file:
        file.write(b'{"measurement_outputs":{"$waveform":"mine"}}\n')
    assert verify(damaged).problem is None
