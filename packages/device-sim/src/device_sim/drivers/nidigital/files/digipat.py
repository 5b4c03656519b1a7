"""Read a compiled pattern, `.digipat`.

The format is TDMS. What its channels mean is not documented by NI. Known is what NI's public
pattern files show together with their sources and with NI's public tests:

- `PinState`: the states of the pins, vector by vector: a nibble for each pin, the first pin in the
  low one. With two DUT cycles in a cycle it is two bytes for each pin: whether it has two DUT
  cycles, then their states, the first in the high nibble.
- `Instruction`: a number for each vector. Bits 28 to 31 are the opcode, bits 23 to 27 the time set
  (31: that of the vector before), and the others belong to the opcode.
- `Scan...`: the states of the scan pins, cycle by cycle, in two bytes for each pin.
- `...CompressedLengths`: the channel is a row of zlib streams.

An opcode that no such file explains is kept, but not run.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nptdms
import numpy as np

from device_sim.drivers.nidigital.pattern import Instruction, Integers, Opcode, Pattern, States
from device_sim.errors import READING_FILE_FAILED, DriverError

_MOST_BYTES = 2**28  # Of a channel after decompression.
_SAME_TIME_SET = 31
_SOURCE, _CAPTURE, _REGISTER = 1 << 16, 1 << 17, 1 << 19
_ARGUMENT = 0xFFFF

_OPCODES = {0x1: "repeat", 0x4: "set_loop", 0x5: "end_loop", 0x6: "jump", 0x9: "pulse_signal",
            0xB: "source_start", 0xC: "capture_start or capture_stop"}  # fmt: skip
_SPECIAL = {0x0: "keep_alive", 0x2: "scan", 0xF: "halt"}
"""The names for opcode 15, by its lowest four bits."""

_RUNNING = {"repeat": Opcode.REPEAT, "set_loop": Opcode.SET_LOOP, "end_loop": Opcode.END_LOOP,
            "scan": Opcode.SCAN, "halt": Opcode.HALT}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PatternFile:
    """A compiled pattern, and the waveforms that it uses."""

    pattern: Pattern
    """The pattern."""

    exported_labels: frozenset[str]
    """The labels that a burst may start from, in addition to the pattern's name."""

    source_waveforms: tuple[str, ...]
    """The names of the waveforms that it sources."""

    capture_waveforms: tuple[str, ...]
    """The names of the waveforms that it captures."""


def read_pattern(content: bytes) -> PatternFile:
    """Return the pattern of a file.

    Raises:
        DriverError: The file has an error.
    """
    try:
        return _read(nptdms.TdmsFile.read(io.BytesIO(content)))
    except DriverError:
        raise
    except Exception as error:  # npTDMS raises whatever a wrong byte leads to.
        raise DriverError(
            READING_FILE_FAILED, f"The file is not a compiled pattern: {error!r}."
        ) from error


def _read(file: Any) -> PatternFile:
    group = file["Pattern"]
    pins = tuple(map(str, file["PinItem"]["PinName"][:]))
    count = int(group.properties["VectorCount"])
    width = int(group.properties.get("PinDataWidthInBytes", 0))
    words = np.frombuffer(_channel(group, "Instruction"), "<u4")
    if len(words) != count:
        raise DriverError(READING_FILE_FAILED, f"{len(words)} of {count} vectors are there.")
    states = _states(_channel(group, "PinState"), count, len(pins), width)
    scans = _scans(file, group, states) if "ScanVectorIndices" in group else {}
    exported = _labels(group, "ExportLabel")
    pattern = Pattern(
        name=str(file.properties["name"]),
        pins=pins,
        states=states,
        time_sets=tuple(map(str, file["TimeSet"]["Name"][:])) or ("",),
        time_set_of=_time_sets(words),
        instructions=_instructions(words, scans),
        labels=_labels(group, "LocalLabel") | exported,
        scans=scans,
        is_keep_alive=bool(group.properties.get("IsKeepAlive", False)),
    )
    if len(pattern.time_sets) <= pattern.time_set_of.max(initial=0):
        raise DriverError(READING_FILE_FAILED, "A vector has a time set without a name.")
    if not all(0 <= vector < count for vector in pattern.labels.values()):
        raise DriverError(READING_FILE_FAILED, "A label has no vector.")
    return PatternFile(
        pattern,
        frozenset(exported),
        _names(file, "SourceWaveform"),
        _names(file, "CaptureWaveform"),
    )


def _channel(group: Any, name: str, lengths: str = "") -> bytes:
    """Return the bytes of a channel, decompressed."""
    content = np.asarray(group[name][:]).tobytes()
    lengths = lengths or f"{name}CompressedLengths"
    if lengths not in group:
        return content
    parts, begin, left = [], 0, _MOST_BYTES
    for length in map(int, group[lengths][:]):
        part = zlib.decompressobj().decompress(content[begin : begin + length], left)
        parts.append(part)
        begin, left = begin + length, left - len(part)
        if left <= 0:
            raise DriverError(READING_FILE_FAILED, f"It has more than {_MOST_BYTES} bytes.")
    return b"".join(parts)


def _states(content: bytes, count: int, pins: int, width: int) -> States:
    """Return the states of the vectors: (vectors, DUT cycles, pins)."""
    if width:
        return _wide(content, count, pins)
    rows = np.frombuffer(content, np.uint8).reshape(count, (pins + 1) // 2)
    nibbles = np.stack([rows & 0xF, rows >> 4], axis=2).reshape(count, -1)
    return nibbles[:, None, :pins]


def _wide(content: bytes, count: int, pins: int) -> States:
    """Return states of two bytes for each pin and vector."""
    pairs = np.frombuffer(content, np.uint8).reshape(count, pins, 2)[:, :, 1]
    return np.stack([pairs >> 4, pairs & 0xF], axis=1)


def _scans(file: Any, group: Any, states: States) -> dict[int, States]:
    """Return the states of all pins in the cycles of each scan vector."""
    places = np.flatnonzero(np.asarray(file["PinItem"]["PinType"][:]))
    if not len(places):
        raise DriverError(READING_FILE_FAILED, "It scans, and has no scan pins.")
    lengths = [int(length) for length in group["ScanLengths"][:]]
    content = _channel(group, "ScanPinState", "ScanCompressedLengths")
    rows = _wide(content, sum(lengths), len(places))
    scans, begin = {}, 0
    for vector, length in zip(map(int, group["ScanVectorIndices"][:]), lengths, strict=True):
        scan = np.repeat(states[vector][None], length, axis=0)
        scan[:, :, places] = rows[begin : begin + length]
        scans[vector] = scan
        begin += length
    return scans


def _time_sets(words: Any) -> Integers:
    """Return the index of the time set of each vector."""
    given = (words >> 23) & 0x1F
    places = np.where(given != _SAME_TIME_SET, np.arange(len(words)), 0)
    found: Integers = given[np.maximum.accumulate(places)].astype(np.int64)
    return np.where(found == _SAME_TIME_SET, 0, found)


def _instructions(words: Any, scans: Mapping[int, States]) -> dict[int, Instruction]:
    found = {int(n): _instruction(int(words[n])) for n in np.flatnonzero(words & 0xF07FFFFF)}
    for vector, each in found.items():
        if each.opcode is Opcode.SCAN and vector not in scans:
            raise DriverError(READING_FILE_FAILED, f"Vector {vector} has no scan states.")
        if each.opcode is Opcode.END_LOOP and each.argument > vector:
            raise DriverError(READING_FILE_FAILED, f"The loop at vector {vector} has no begin.")
    return found


def _instruction(word: int) -> Instruction:
    """Return the instruction of a number."""
    code = word >> 28
    name = _SPECIAL.get(word & 0xF, "") if code == 0xF else _OPCODES.get(code, "")
    moves = [n for bit, n in ((_SOURCE, "source"), (_CAPTURE, "capture")) if word & bit]
    if moves or word & _REGISTER or name not in _RUNNING:
        own = name or (f"the opcode {code:#x}" if code else "")
        if own and word & _REGISTER:
            own = f"{own} with a register"
        names = [each for each in (own, *moves) if each] or [f"the instruction {word:#010x}"]
        return Instruction(Opcode.OTHER, word, " and ".join(names))
    return Instruction(_RUNNING[name], word & _ARGUMENT if code != 0xF else 0, name)


def _labels(group: Any, kind: str) -> dict[str, int]:
    if f"{kind}Name" not in group:
        return {}
    names = map(str, group[f"{kind}Name"][:])
    return dict(zip(names, map(int, group[f"{kind}Location"][:]), strict=True))


def _names(file: Any, group: str) -> tuple[str, ...]:
    return tuple(map(str, file[group]["Name"][:])) if group in file else ()
