"""Long arrays, and waveforms of nitypes, come back bit for bit from the samples beside a record."""

from __future__ import annotations

import json
import sys
import tracemalloc
import zlib
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import hightime
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_logger_client.encoding import EncodedRecord, encode_record
from json_logger_client.outbox import Inbox, Outbox, StreamOptions
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.log_format import PLACEHOLDER, REFERENCE, WaveformReference
from nitypes import bintime
from nitypes.waveform import (
    AnalogWaveform,
    ComplexWaveform,
    DigitalWaveform,
    LinearScaleMode,
    Spectrum,
    Timing,
)
from session_sharing import InvalidArgumentError

UTC = timezone.utc


def references(record: EncodedRecord) -> Iterator[WaveformReference]:
    """Read the references of a record, in their order, as the server does."""
    assert record.line.count(PLACEHOLDER) == record.line.count(b'"$waveform":')
    for found in REFERENCE.finditer(record.line):
        yield WaveformReference.from_json(json.loads(found[1]))


def read_back(record: EncodedRecord) -> list[np.ndarray]:
    """Read the arrays of a record from its samples, and check what the references say of them."""
    arrays = []
    for reference, samples in zip(references(record), record.samples, strict=True):
        assert zlib.crc32(samples) == reference.crc32
        assert len(samples) == reference.size
        arrays.append(np.frombuffer(samples, reference.dtype).reshape(reference.shape))
    assert record.size == len(record.line) + sum(map(len, record.samples))
    return arrays


def waveform_of(value: object, **options: Any) -> tuple[np.ndarray, WaveformReference]:
    """Encode a value that is one waveform."""
    record = encode_record("m", {}, {"value": value}, **options)
    (array,), (reference,) = read_back(record), references(record)
    return array, reference


def outputs(record: EncodedRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.line)["measurement_outputs"]
    return found


KINDS = ("f2", "f4", "f8", "c8", "c16", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


@pytest.mark.parametrize("dtype", [*KINDS, ">f8", ">i2", ">c16", ">u4"])
def test_an_array_of_any_kind_of_number_comes_back_bit_for_bit(dtype: str) -> None:
    array = np.random.default_rng(2).integers(0, 100, 1000).astype(dtype)
    found, reference = waveform_of(array)
    assert np.array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("<")
    assert (reference.offset, reference.count, reference.shape) == (0, 1000, (1000,))


def test_what_json_has_no_number_for_comes_back_too() -> None:
    array = np.full(500, np.nan)
    array[1:5] = np.inf, -np.inf, -0.0, 5e-324
    found, _ = waveform_of(array)
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(3000.0).reshape(30, 10, 10),
        np.arange(3000.0).reshape(30, 100).T,
        np.arange(3000.0)[::-3],
        np.arange(3000, dtype=">i4").reshape(3, 1000)[:, ::2],
        np.asfortranarray(np.arange(3000.0).reshape(30, 100)),
        np.arange(3000.0).view(np.recarray),
    ],
    ids=["3 dimensions", "transposed", "backwards", "other bytes", "by columns", "subclass"],
)
def test_an_array_of_any_shape_and_order_in_memory_comes_back(array: np.ndarray) -> None:
    found, _ = waveform_of(array)
    assert np.array_equal(found, array)
    assert found.shape == array.shape


@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_numbers_that_not_every_machine_has_become_doubles(dtype: type) -> None:
    found, _ = waveform_of(np.arange(300).astype(dtype))
    assert np.array_equal(found, np.arange(300))
    assert found.dtype.itemsize <= 16


def test_a_short_array_is_json_and_the_limit_is_an_option() -> None:
    below, from_there_on = np.arange(255.0), np.arange(256.0)
    assert outputs(encode_record("m", {}, {"a": below}))["a"] == below.tolist()
    assert len(encode_record("m", {}, {"a": from_there_on}).samples) == 1
    assert len(encode_record("m", {}, {"a": below}, shortest_waveform=10).samples) == 1
    never = encode_record("m", {}, {"a": from_there_on}, shortest_waveform=sys.maxsize)
    assert outputs(never)["a"] == from_there_on.tolist()


@pytest.mark.parametrize(
    "value",
    [
        [1.0] * 1000,
        np.ma.array(np.arange(1000.0), mask=[False] * 1000),
        np.array(["text"] * 1000),
        np.array([None] * 1000),
        np.array(5.0),
    ],
    ids=["list", "masked", "texts", "objects", "scalar"],
)
def test_what_is_no_array_of_numbers_stays_json(value: Any) -> None:
    assert not encode_record("m", {}, {"value": value}, shortest_waveform=0).samples


@pytest.mark.parametrize("length", [0, 1, 5])
def test_complex_numbers_are_always_a_waveform_because_json_has_none(length: int) -> None:
    array = np.arange(length) * 1j
    found, reference = waveform_of(array)
    assert np.array_equal(found, array)
    assert reference.dtype == "<c16"


def test_a_complex_scalar_is_still_refused() -> None:
    for value in (1j, np.complex128(1j)):
        with pytest.raises(InvalidArgumentError, match="complex"):
            encode_record("m", {}, {"value": value})


def test_the_array_is_taken_when_it_is_logged() -> None:
    array = np.arange(1000.0)
    before = array.copy()
    record = encode_record("m", {}, {"value": array})
    array[:] = -1
    assert np.array_equal(read_back(record)[0], before)


def test_waveforms_may_stand_anywhere_beside_other_values() -> None:
    array = np.arange(300)
    record = encode_record(
        "m",
        {"calibration": {"curves": [array, {"deep": array + 1}]}},
        {"none": None, "nan": float("nan"), "again": array, "short": np.arange(3), "d": (array,)},
    )
    arrays = read_back(record)
    assert [int(found[0]) for found in arrays] == [0, 1, 0, 0]
    assert outputs(record)["nan"] == "NaN"
    assert outputs(record)["short"] == [0, 1, 2]


@pytest.mark.parametrize(
    "values",
    [
        {"$waveform": 1},
        {"a": [{"$waveform": {"offset": 64}}]},
        {"a": {"b": 1, "$waveform": None}},
        {"array": np.arange(1000.0), "b": {"$waveform": "x"}},
    ],
)
def test_the_key_of_a_reference_cannot_be_forged(values: dict[str, Any]) -> None:
    for configurations, outputs in ((values, {}), ({}, values)):
        with pytest.raises(InvalidArgumentError, match=r"\$waveform"):
            encode_record("m", configurations, outputs)


def test_a_text_may_look_like_a_reference() -> None:
    text = '{"$waveform":{"offset":0,"count":1}}'
    record = encode_record(text, {text: "$waveform"}, {"a": [text, "$waveform"]})
    assert outputs(record)["a"] == [text, "$waveform"]
    assert not list(references(record))


def test_a_waveform_is_copied_once_and_never_becomes_text() -> None:
    array = np.random.default_rng(1).normal(size=1_000_000)
    tracemalloc.start()
    record = encode_record("scope", {}, {"waveform": array, "comment": None})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(record.line) < 400
    assert peak < 1.1 * array.nbytes


@given(
    st.lists(st.binary(max_size=60), max_size=5),
    st.sets(st.integers(0, 4)),
    st.integers(1, 70),
    st.text(min_size=1),
    st.text(),
)
def test_a_batch_in_pieces_is_the_same_batch(
    samples: list[bytes], in_memory: set[int], most: int, name: str, other: str
) -> None:
    lines = [json.dumps({"name": name}).encode(), json.dumps({"other": other}).encode()]
    records = [EncodedRecord(lines[0], [*map(memoryview, samples)]), EncodedRecord(lines[1])]
    box = Outbox(StreamOptions(max_batch_bytes=1_000_000), lambda count: 1)
    assert box.make_batch(inbox_of(records))
    batch = box.next_unsent()
    assert batch is not None
    batch.request.attachment = "attachment"
    indexes = iter(range(len(samples)))

    def hand_over(_: memoryview, attachment: str) -> pb.SamplesInMemory | None:
        assert attachment == "attachment"
        index = next(indexes)
        return pb.SamplesInMemory(number=index + 10) if index in in_memory else None

    pieces = list(batch.in_pieces(most, hand_over))
    assert b"".join(piece.ndjson for piece in pieces) == b"\n".join(lines)
    sent = [one for index, one in enumerate(samples) if index not in in_memory]
    assert b"".join(piece.samples for piece in pieces) == b"".join(sent)
    handed = sorted(in_memory & set(range(len(samples))))
    assert [one.waveform for one in pieces[-1].in_memory] == handed
    assert [one.number - 10 for one in pieces[-1].in_memory] == handed
    assert not any(piece.in_memory for piece in pieces[:-1])
    assert all(len(piece.ndjson) + len(piece.samples) <= most for piece in pieces)
    assert [piece.continued for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    about = {(piece.attachment, piece.first_client_seq, piece.count) for piece in pieces}
    assert about == {("attachment", 1, 2)}
    whole = batch.whole()
    assert (whole.ndjson, whole.samples) == (b"\n".join(lines), b"".join(samples))


def inbox_of(records: list[EncodedRecord]) -> Inbox:
    return deque(records)


def test_a_large_record_does_not_share_a_batch_with_small_ones() -> None:
    small, large = EncodedRecord(b"1"), EncodedRecord(b"2", [memoryview(bytes(1000))])
    box = Outbox(StreamOptions(max_batch_bytes=100), lambda count: 1)
    inbox = inbox_of([small, small, large, small])
    while box.make_batch(inbox):
        pass
    counts = []
    while (batch := box.next_unsent()) is not None:
        counts.append(batch.request.count)
    assert counts == [2, 1, 1]


# What follows uses the real nitypes.

START = hightime.datetime(2026, 1, 2, 3, 4, 5, 678901, femtosecond=234567890, tzinfo=UTC)


def test_an_analog_waveform_keeps_its_time_interval_and_unit_with_all_digits() -> None:
    waveform = AnalogWaveform.from_array_1d(np.arange(5.0))
    waveform.units = 'µV "}"'
    waveform.timing = Timing.create_with_regular_interval(
        hightime.timedelta(picoseconds=1250), START
    )
    found, reference = waveform_of(waveform)
    assert np.array_equal(found, np.arange(5.0))
    assert reference.t0 == "2026-01-02T03:04:05.678901234567890Z"
    assert reference.dt == 1.25e-9
    assert reference.unit == 'µV "}"'


@pytest.mark.parametrize(
    ("start", "interval", "t0"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), timedelta(milliseconds=1), "2026-01-02T00:00:00Z"),
        (
            datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
            timedelta(milliseconds=1),
            "2026-01-01T23:00:00Z",
        ),
        (
            bintime.DateTime(2026, 1, 2, tzinfo=UTC),
            bintime.TimeDelta.from_ticks(1 << 54),
            "2026-01-02T00:00:00Z",
        ),
    ],
    ids=["UTC", "another zone", "bintime"],
)
def test_every_kind_of_time_is_written_in_utc(start: Any, interval: Any, t0: str) -> None:
    waveform = AnalogWaveform.from_array_1d(np.arange(5.0))
    waveform.timing = Timing.create_with_regular_interval(interval, start)
    _, reference = waveform_of(waveform)
    assert reference.t0 == t0
    assert reference.dt == pytest.approx(1e-3, rel=0.03)


def test_the_offset_of_the_first_sample_is_part_of_its_time() -> None:
    waveform = AnalogWaveform.from_array_1d(np.arange(5.0))
    waveform.timing = Timing.create_with_regular_interval(
        timedelta(seconds=1), datetime(2026, 1, 2, tzinfo=UTC), timedelta(seconds=30)
    )
    assert waveform_of(waveform)[1].t0 == "2026-01-02T00:00:30Z"


def test_a_waveform_without_time_and_unit_has_none() -> None:
    _, reference = waveform_of(AnalogWaveform.from_array_1d(np.arange(5.0)))
    assert (reference.t0, reference.dt, reference.unit) == (None, None, None)


def test_a_scaled_waveform_has_its_scaled_values_and_others_keep_their_type() -> None:
    raw = np.arange(5, dtype=np.int16)
    waveform = AnalogWaveform.from_array_1d(raw)
    assert waveform_of(waveform)[0].dtype == np.int16
    waveform.scale_mode = LinearScaleMode(0.5, 1.0)
    assert np.array_equal(waveform_of(waveform)[0], raw * 0.5 + 1)


def test_waveforms_of_other_kinds_are_taken() -> None:
    iq = np.array([1 + 2j, 3 - 4j], dtype=np.complex64)
    assert np.array_equal(waveform_of(ComplexWaveform.from_array_1d(iq))[0], iq)
    lines = np.array([[0, 1], [1, 0], [7, 3]], np.uint8)
    assert np.array_equal(waveform_of(DigitalWaveform.from_lines(lines))[0], lines)


def test_a_spectrum_keeps_its_frequencies() -> None:
    spectrum = Spectrum.from_array_1d(np.arange(4.0))
    spectrum.start_frequency, spectrum.frequency_increment = 100.0, 0.5
    spectrum.units = "dBm"
    record = encode_record("m", {}, {"spectrum": spectrum})
    found = outputs(record)["spectrum"]
    assert (found["start_frequency"], found["frequency_increment"]) == (100.0, 0.5)
    assert next(references(record)).unit == "dBm"
    assert np.array_equal(read_back(record)[0], np.arange(4.0))


def test_a_waveform_with_irregular_intervals_is_refused() -> None:
    waveform = AnalogWaveform.from_array_1d(np.arange(2.0))
    times = [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)]
    waveform.timing = Timing.create_with_irregular_interval(times)
    with pytest.raises(InvalidArgumentError, match="irregular"):
        encode_record("m", {}, {"value": waveform})
