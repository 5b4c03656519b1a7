"""Take the waveforms of a batch apart, and put their places in the file into the records."""

from __future__ import annotations

import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec
from json_logger_proto.log_format import (
    PLACEHOLDER,
    REFERENCE,
    WAVEFORM_KEY,
    WaveformReference,
    aligned,
)
from session_sharing import InvalidArgumentError

from json_logger_server.processor import in_turns
from json_logger_server.records import Record

_KEY = b'"%b"' % WAVEFORM_KEY.encode()
_KEY_IN_OBJECT = re.compile(re.escape(_KEY) + rb"\s*:")
_ESCAPE = b"\\u00"
_ESCAPES = re.compile(rb"\\(?:u00([2-7][0-9a-fA-F])|.)", re.DOTALL)
_LETTERS = {*WAVEFORM_KEY.encode()}


@dataclass(slots=True, eq=False)
class Waveform:
    """The samples of one waveform, and where they stand in the file."""

    reference: WaveformReference
    """The reference as the client sent it."""
    samples: Iterable[memoryview]
    """The samples, in one or several pieces. A piece is valid until the next one."""
    record: int
    """Index of its record in the batch."""
    offset: int = 0
    """The place in the file, when it is known."""

    def pieces(self) -> Iterator[memoryview]:
        """Yield the samples, and compare them with the checksum of the reference on the way.

        Raises:
            InvalidArgumentError: The checksum is another one; all pieces were yielded.
        """
        found = 0
        for piece in in_turns(self.samples):
            found = zlib.crc32(piece, found)
            yield piece
        if found != self.reference.crc32:
            raise InvalidArgumentError(
                f"Record {self.record}: the samples of a waveform do not have the crc32 of their "
                "reference. Compute it by zlib.crc32 of the bytes that are sent."
            )


class WaveformsOfRecord:
    """The waveforms of one record, in the order of their references."""

    def __init__(self, record: Record, waveforms: Sequence[Waveform]) -> None:
        """Start with waveforms that have no place yet."""
        self.waveforms = waveforms
        self._record = record
        self._configurations = bytes(record.measurement_configurations).split(PLACEHOLDER)
        self._outputs = bytes(record.measurement_outputs).split(PLACEHOLDER)

    @property
    def size(self) -> int:
        """Bytes of all samples."""
        return sum(one.reference.size for one in self.waveforms)

    def place(self, end: int) -> int:
        """Give each waveform its place from `end` on, and write the places into the record.

        Returns:
            The offset after the last waveform.
        """
        for waveform in self.waveforms:
            waveform.offset = aligned(end)
            end = waveform.offset + waveform.reference.size
        offsets = iter([b"%d," % waveform.offset for waveform in self.waveforms])
        self._record.measurement_configurations = _filled(self._configurations, offsets)
        self._record.measurement_outputs = _filled(self._outputs, offsets)
        return end


def may_have_references(ndjson: bytes) -> bool:
    """Return whether records may refer to waveforms, also if the key is written with escapes."""
    # The search for single bytes is fast, and most batches have neither of them.
    return (b"$" in ndjson and _KEY in ndjson) or (
        b"\\" in ndjson and _ESCAPE in ndjson and _KEY in _unescaped(ndjson)
    )


def take_waveforms(
    records: Sequence[Record],
    samples: Sequence[bytes],
    in_memory: Mapping[int, Callable[[int], Iterable[memoryview]]] = MappingProxyType({}),
) -> dict[int, WaveformsOfRecord]:
    """Divide the samples of a batch among the references in its records.

    Args:
        records: The records of the batch.
        samples: The samples of its waveforms that are not in memory, in one or several pieces.
        in_memory: For the waveforms that are in memory, by their index in the batch: returns the
            samples, when it gets their size in bytes.

    Returns:
        The waveforms of the records that have some, by the index of the record.

    Raises:
        InvalidArgumentError: A reference is wrong, or there are more or fewer samples.
        LimitExceededError: The memory of a waveform has not arrived.
    """
    found = [
        (index, one) for index, record in enumerate(records) for one in _references(record, index)
    ]
    if any(number >= len(found) for number in in_memory):
        raise InvalidArgumentError(
            f"The request has memory for waveform {max(in_memory)}, but the records of the batch "
            f"refer to {len(found)} waveforms."
        )
    wanted = sum(one.size for number, (_, one) in enumerate(found) if number not in in_memory)
    sent = sum(map(len, samples))
    if wanted != sent:
        raise InvalidArgumentError(
            f"The records of the batch refer to waveforms of {wanted} bytes, but the request has "
            f"{sent} bytes of samples."
        )
    cutter = _Cutter(samples)
    waveforms: defaultdict[int, list[Waveform]] = defaultdict(list)
    for number, (index, one) in enumerate(found):
        take = in_memory.get(number, cutter.take)
        waveforms[index].append(Waveform(one, take(one.size), index))
    return {index: WaveformsOfRecord(records[index], own) for index, own in waveforms.items()}


def _references(record: Record, index: int) -> list[WaveformReference]:
    found = []
    for raw in (record.measurement_configurations, record.measurement_outputs):
        values = bytes(raw)
        if not may_have_references(values):
            continue
        texts = list(REFERENCE.finditer(values))
        keys = len(_KEY_IN_OBJECT.findall(_unescaped(values)))
        if keys != len(texts) or values.count(PLACEHOLDER) != keys:
            raise InvalidArgumentError(
                f"Record {index}: the key {WAVEFORM_KEY} is only for waveforms that come with the "
                "record. Begin each reference with "
                f"{PLACEHOLDER.decode()} and send its samples, or use another key."
            )
        found += [_read(match[1], index) for match in texts]
    return found


def _read(text: bytes, index: int) -> WaveformReference:
    try:
        return WaveformReference.from_json(_decoder.decode(text.decode()))
    except ValueError as error:
        raise InvalidArgumentError(
            f"Record {index}: the reference to a waveform is wrong: {error}."
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("it has a field twice")
    return fields


_decoder = json.JSONDecoder(object_pairs_hook=_unique)


def _unescaped(text: bytes) -> bytes:
    """Write the letters of the key plainly where they are JSON escapes with a code."""
    return _ESCAPES.sub(_plain_letter, text) if _ESCAPE in text else text


def _plain_letter(escape: re.Match[bytes]) -> bytes:
    code = int(escape[1] or b"0", 16)
    return bytes([code]) if code in _LETTERS else escape[0]


def _filled(pieces: list[bytes], offsets: Iterator[bytes]) -> msgspec.Raw:
    """Put the offsets into a text that was cut at its placeholders."""
    opening = PLACEHOLDER.removesuffix(b"0,")
    return msgspec.Raw(
        pieces[0] + b"".join([opening + next(offsets) + piece for piece in pieces[1:]])
    )


class _Cutter:
    """Takes bytes from pieces, as if they were one, without copying them."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [memoryview(piece) for piece in reversed(pieces)]

    def take(self, size: int) -> list[memoryview]:
        taken = []
        while size > 0:
            piece = self._pieces.pop()
            taken.append(piece[:size])
            if len(piece) > size:
                self._pieces.append(piece[size:])
            size -= len(taken[-1])
        return taken
