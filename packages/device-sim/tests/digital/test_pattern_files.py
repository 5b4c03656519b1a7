"""Compiled patterns and waveforms are read from their files, and garbage is refused."""

from __future__ import annotations

import numpy as np
import pytest
from device_sim.drivers.nidigital.files.digipat import read_pattern
from device_sim.drivers.nidigital.files.waveforms import read_capture, read_source
from device_sim.drivers.nidigital.pattern import Opcode
from device_sim.drivers.nidigital.waveforms import ALL_SITES
from device_sim.errors import DriverError
from digital_files import HALT, SAME, STATES, write_pattern, write_source, write_tdms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FILE_FAILED = -1074135037
VECTORS = ["01LHX", "10HLM", "VDEXX", "XXXXX"]


def states_of(pattern) -> list[str]:
    letters = {state.value: letter for letter, state in STATES.items()}
    return ["".join(letters[state] for state in row[0]) for row in pattern.states]


def refused(action) -> str:
    with pytest.raises(DriverError) as caught:
        action()
    assert caught.value.code == FILE_FAILED
    return caught.value.description


@pytest.mark.parametrize("is_compressed", [False, True])
def test_states_are_read_vector_by_vector(tmp_path, is_compressed):
    path = write_pattern(tmp_path / "p.digipat", "ABCDE", VECTORS, is_compressed=is_compressed)
    file = read_pattern(path.read_bytes())
    assert (file.pattern.name, file.pattern.pins) == ("p", tuple("ABCDE"))
    assert states_of(file.pattern) == VECTORS
    assert {n: each.opcode for n, each in file.pattern.instructions.items()} == {3: Opcode.HALT}
    assert (file.source_waveforms, file.capture_waveforms) == ((), ())
    assert not file.pattern.is_keep_alive


def test_labels_waveforms_and_time_sets_are_read(tmp_path):
    words = {0: 1 << 23, 1: SAME, 2: 0 << 23}
    path = write_pattern(
        tmp_path / "p.digipat",
        "ABCDE",
        VECTORS,
        instructions=words,
        time_sets=["t0", "t1"],
        labels={"mine": 2},
        exported={"everyone's": 1},
        sources=["s"],
        captures=["c1", "c2"],
    )
    file = read_pattern(path.read_bytes())
    assert file.pattern.labels == {"p": 0, "mine": 2, "everyone's": 1}
    assert file.exported_labels == {"everyone's"}
    assert (file.source_waveforms, file.capture_waveforms) == (("s",), ("c1", "c2"))
    assert [file.pattern.time_sets[n] for n in file.pattern.time_set_of] == ["t1", "t1", "t0", "t0"]


@pytest.mark.parametrize(
    ("word", "opcode", "argument", "name"),
    [
        (0x100001F4, Opcode.REPEAT, 500, "repeat"),
        (0x40000096, Opcode.SET_LOOP, 150, "set_loop"),
        (0x50000001, Opcode.END_LOOP, 1, "end_loop"),
        (0xF000000F, Opcode.HALT, 0, "halt"),
        (0x90000100, Opcode.OTHER, None, "pulse_signal"),
        (0xB0000000, Opcode.OTHER, None, "source_start"),
        (0xFF800000, Opcode.OTHER, None, "keep_alive"),
        (0x6F800001, Opcode.OTHER, None, "jump"),
        (0x0F810000, Opcode.OTHER, None, "source"),
        (0x1F820080, Opcode.OTHER, None, "repeat and capture"),
        (0x1F8B0000, Opcode.OTHER, None, "repeat with a register and source and capture"),
        (0x20000000, Opcode.OTHER, None, "the opcode 0x2"),
        (0x00200000, Opcode.OTHER, None, "the instruction 0x00200000"),
    ],
)
def test_an_instruction_is_read_or_has_a_name_to_refuse_it_by(
    tmp_path, word, opcode, argument, name
):
    path = write_pattern(tmp_path / "p.digipat", "ABCDE", VECTORS, instructions={1: word})
    found = read_pattern(path.read_bytes()).pattern.instructions[1]
    assert (found.opcode, found.name) == (opcode, name)
    assert argument is None or found.argument == argument


def test_two_dut_cycles_and_scan_states_are_read(tmp_path):
    """The pin A has two DUT cycles in the first vector; B and C are scanned in the second."""
    one, two = [0, 0x10], [1, 0x04]
    wide = [*two, 0, 0x50, 0, 0x50, *one, 0, 0x50, 0, 0x50, *one, 0, 0x50, 0, 0x50]
    scan = [0, 0x30, 0, 0x10, 0, 0x40, 0, 0x00]
    channels = {
        ("TimeSet", "Name"): ["t0"],
        ("PinItem", "PinName"): ["A", "B", "C"],
        ("PinItem", "PinType"): np.array([0, 2, 1], np.int32),
        ("Pattern", "Instruction"): np.array([0, 0xF0800002 & ~(1 << 23), HALT], np.uint32),
        ("Pattern", "PinState"): np.array(wide, np.uint8),
        ("Pattern", "ScanVectorIndices"): np.array([1], np.int32),
        ("Pattern", "ScanLengths"): np.array([2], np.int32),
        ("Pattern", "ScanPinState"): np.array(scan, np.uint8),
    }
    properties = {"Pattern": {"VectorCount": 3, "PinDataWidthInBytes": 2}}
    path = write_tdms(tmp_path / "p.digipat", channels, properties, name="p")
    pattern = read_pattern(path.read_bytes()).pattern
    assert pattern.states[0].tolist() == [[0, 5, 5], [4, 0, 0]]
    cycles = pattern.cycles()
    assert cycles.vectors.tolist() == [0, 1, 1, 2]
    assert cycles.scan_cycles.tolist() == [-1, 0, 1, -1]
    assert cycles.states[1:3, 0].tolist() == [[1, 3, 1], [1, 4, 0]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"instructions": {2: 0x50000009}}, "has no begin"),
        ({"instructions": {2: 0xF0000002}}, "has no scan states"),
        ({"instructions": {2: 5 << 23}}, "without a name"),
        ({"labels": {"away": 4}}, "no vector"),
    ],
)
def test_a_pattern_that_contradicts_itself_is_refused(tmp_path, change, words):
    path = write_pattern(tmp_path / "p.digipat", "ABCDE", VECTORS, **change)
    assert words in refused(lambda: read_pattern(path.read_bytes()))


def test_a_pattern_whose_streams_are_longer_than_all_memory_is_refused(tmp_path, monkeypatch):
    module = "device_sim.drivers.nidigital.files.digipat._MOST_BYTES"
    monkeypatch.setattr(module, 8)
    path = write_pattern(tmp_path / "p.digipat", "ABCDE", VECTORS, is_compressed=True)
    assert "more than 8 bytes" in refused(lambda: read_pattern(path.read_bytes()))


@pytest.fixture(scope="module")
def valid(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("patterns") / "p.digipat"
    return write_pattern(path, "ABCDE", VECTORS, is_compressed=True).read_bytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_pattern_is_refused_or_is_a_pattern(valid, data):
    content = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pattern = read_pattern(bytes(content[: data.draw(st.integers(0, len(content)))])).pattern
    except DriverError as error:
        assert error.code == FILE_FAILED
        return
    assert len(pattern.states) == len(pattern.time_set_of)


@settings(deadline=None)
@given(content=st.binary(max_size=200))
def test_garbage_is_no_pattern_and_no_waveform(content):
    for read in (read_pattern, lambda c: read_source(c, "s"), lambda c: read_capture(c, "s")):
        with pytest.raises(DriverError):
            read(content)


def test_a_source_waveform_is_read_with_its_samples_by_site(tmp_path):
    settings = {"PinItems": "A", "BitOrder": "LSB", "SampleWidth": 8, "WaveformMode": "Serial"}
    path = write_source(
        tmp_path / "s.tdms",
        "s",
        {0: [1, 2], 1: [3, 2**32 - 1]},
        DataMapping="SiteUnique",
        **settings,
    )
    source = read_source(path.read_bytes(), "s")
    assert (source.pins, source.width, source.is_msb_first) == ("A", 8, False)
    assert not source.is_broadcast
    assert {site: each.tolist() for site, each in source.written.items()} == {
        0: [1, 2],
        1: [3, 2**32 - 1],
    }
    capture = read_capture(path.read_bytes(), "")
    assert (capture.pins, capture.width, capture.is_msb_first) == ("A", 8, False)
    with pytest.raises(DriverError, match="Waveforms in the file: s"):
        read_source(path.read_bytes(), "other")


def test_a_broadcast_waveform_has_the_same_samples_for_all_sites(tmp_path):
    path = write_source(
        tmp_path / "s.tdms", "s", {0: [7, 8]}, PinItems="A", DataMapping="Broadcast"
    )
    source = read_source(path.read_bytes(), "")
    assert source.is_broadcast
    assert source.width == 0
    assert source.written[ALL_SITES].tolist() == [7, 8]


@pytest.mark.parametrize(
    ("samples", "settings"),
    [
        ({0: [1]}, {"SampleWidth": 33, "WaveformMode": "Serial"}),
        ({0: [1]}, {"SampleWidth": "wide", "WaveformMode": "Serial"}),
    ],
)
def test_a_waveform_with_impossible_settings_is_refused(tmp_path, samples, settings):
    path = write_source(tmp_path / "s.tdms", "s", samples, **settings)
    refused(lambda: read_source(path.read_bytes(), "s"))
