"""Read the waveforms of a log as a user does: by numpy alone."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from json_logger_proto.log_format import waveform_file_name
from logger_process import records_in


def waveforms_in(path: Path) -> list[np.ndarray]:
    """Return all waveforms of a log's file, in the order of the records; check their checksums."""
    return [array for record in records_in(path) for array in waveforms_of_record(path, record)]


def waveforms_of_record(path: Path, record: dict[str, Any]) -> list[np.ndarray]:
    """Return the waveforms of one record of a log's file; check their checksums."""
    file = path.with_name(waveform_file_name(path.name))
    found = []
    for place in _references(record):
        dtype, count, offset = place["dtype"], place["count"], place["offset"]
        array = np.fromfile(file, dtype, count, offset=offset)
        assert offset % 64 == 0
        assert array.size == count, "the file ends within the waveform"
        assert zlib.crc32(array.tobytes()) == place["crc32"]
        found.append(array.reshape(place["shape"]))
    return found


def reference(array: np.ndarray, **fields: object) -> bytes:
    """Return the reference to an array as a client sends it, with some fields replaced."""
    found = {
        "offset": 0,
        "count": array.size,
        "dtype": array.dtype.str,
        "shape": array.shape,
        "crc32": zlib.crc32(array.tobytes()),
        **fields,
    }
    found = {name: value for name, value in found.items() if value is not None}
    return b'{"$waveform":%b}' % json.dumps(found, separators=(",", ":")).encode()


def _references(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "$waveform" in value:
            yield value["$waveform"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
