"""Turn arrays and nitypes' waveforms into references, and keep their samples beside the record."""

from __future__ import annotations

import math
import sys
import zlib
from typing import Any

import orjson
from json_logger_proto.log_format import WAVEFORM_KEY

from json_logger_client.shared_memory import SharedMemory
from json_logger_client.times import as_text

SHORTEST_WAVEFORM = 256
"""Numbers from which on an array is a waveform, by default. Up to there, JSON costs about as much,
and every reader shows the numbers."""

_REFERENCE = b'{"' + WAVEFORM_KEY.encode() + b'":%b}'
_WIDEST = {"f": "<f8", "c": "<c16"}
_MOST_BYTES = {"f": 8, "c": 16}


class Waveforms:
    """The waveforms of one record."""

    def __init__(self, shortest: int, memory: SharedMemory | None = None) -> None:
        """Start without waveforms.

        Args:
            shortest: Numbers from which on an array is a waveform. A complex array always is one,
                because JSON has no complex numbers.
            memory: Memory that the server can read, for long waveforms.
        """
        self._shortest = shortest
        self._memory = memory
        self.samples: list[memoryview] = []
        """The samples of each waveform, in the order of the references."""
        self._known: dict[int, tuple[Any, orjson.Fragment, memoryview]] = {}
        """The values that were already taken, with their references and samples, by their id."""

    def restart(self) -> None:
        """Begin again with the same record. The samples that were copied are used again."""
        self.samples.clear()

    def is_one(self, array: Any) -> bool:
        """Return whether a numpy array becomes a waveform."""
        if array.ndim == 0 or hasattr(array, "mask"):
            return False
        kind = array.dtype.kind
        return kind == "c" or (kind in "fiub" and array.size >= self._shortest)

    def take(self, array: Any, **facts: object) -> orjson.Fragment:
        """Copy the samples of a numpy array; return the reference that takes its place.

        Args:
            array: The array. The caller may change it afterwards.
            facts: `t0`, `dt` and `unit`, as far as they are known.
        """
        known = self._known.get(id(array))
        if known is None:
            known = self._known[id(array)] = (array, *self._copied(array, facts))
        self.samples.append(known[2])
        return known[1]

    def take_typed(self, value: Any) -> Any:
        """Return what takes the place of a waveform or spectrum of nitypes; None for other values.

        Raises:
            ValueError: The waveform has irregular intervals.
        """
        types = sys.modules.get("nitypes.waveform")  # otherwise no value can have such a type
        if types is None:
            return None
        if isinstance(value, types.Spectrum):
            return {
                "start_frequency": value.start_frequency,
                "frequency_increment": value.frequency_increment,
                "data": self.take(value.data, **_unit_of(value)),
            }
        if isinstance(value, types.NumericWaveform):
            is_raw = value.scale_mode is types.NO_SCALING and value.raw_data.dtype.kind in "fiuc"
            samples = value.raw_data if is_raw else value.scaled_data
            return self.take(samples, **_timing_of(value), **_unit_of(value))
        if isinstance(value, types.DigitalWaveform):
            return self.take(value.data, **_timing_of(value))
        return None

    def _copied(self, array: Any, facts: dict[str, object]) -> tuple[orjson.Fragment, memoryview]:
        """Copy an array once, whatever its order in memory; return its reference and samples."""
        kind, size = array.dtype.kind, array.dtype.itemsize
        dtype = _WIDEST[kind] if size > _MOST_BYTES.get(kind, size) else array.dtype
        copy, samples = self._new_array(array.shape, dtype)
        copy[...] = array
        fields = {
            "offset": 0,
            "count": copy.size,
            "dtype": copy.dtype.str,
            "shape": copy.shape,
            **facts,
            "crc32": zlib.crc32(samples),
        }
        return orjson.Fragment(_REFERENCE % orjson.dumps(fields)), samples

    def _new_array(self, shape: tuple[int, ...], dtype: Any) -> tuple[Any, memoryview]:
        """Return an array without values, and its bytes."""
        numpy = sys.modules["numpy"]
        dtype = numpy.dtype(dtype).newbyteorder("<")
        size = dtype.itemsize * math.prod(shape)
        samples = self._memory.take(size) if self._memory is not None else None
        if samples is not None:
            return numpy.frombuffer(samples, dtype).reshape(shape), samples
        array = numpy.empty(shape, dtype)
        return array, memoryview(array.reshape(-1).view("u1"))


def _timing_of(waveform: Any) -> dict[str, object]:
    """Return the time of the first sample, and the seconds between two samples."""
    modes = sys.modules["nitypes.waveform"].SampleIntervalMode
    timing = waveform.timing
    if timing.sample_interval_mode == modes.IRREGULAR:
        raise ValueError(
            "a waveform with irregular intervals has no dt; log its times and its samples as arrays"
        )
    timing = timing.to_hightime()  # it has all digits of every kind of time
    found: dict[str, object] = {}
    if timing.has_start_time:
        found["t0"] = as_text(timing.start_time)
    if timing.has_sample_interval:
        found["dt"] = float(timing.sample_interval.precision_total_seconds())
    return found


def _unit_of(waveform: Any) -> dict[str, object]:
    return {"unit": waveform.units} if waveform.units else {}
