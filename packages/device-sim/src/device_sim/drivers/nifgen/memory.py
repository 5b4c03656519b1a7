"""The memory of a generator: waveforms, sequences, frequency lists and scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from device_sim.drivers.nifgen.errors import ERRORS
from device_sim.drivers.nifgen.scripting import Instruction, parse_scripts
from device_sim.drivers.nifgen.signals import Floats
from device_sim.errors import INVALID_VALUE, DriverError

ALL = -1
"""The handle that names all waveforms, sequences or frequency lists."""

NO_MARKER = -1
"""The position of a step without a marker."""

_MOST_SCRIPTS = 10_000

T = TypeVar("T")
Key = int | str
"""The handle or the name of a waveform."""


@dataclass(slots=True)
class Waveform:
    """One waveform, with samples for one or more channels."""

    size: int
    """The number of samples."""

    data: dict[int, Floats] = field(default_factory=dict)
    """The samples, from -1 to 1, by the index of the channel."""

    position: dict[int, int] = field(default_factory=dict)
    """The position of the next write, by the index of the channel."""


@dataclass(frozen=True, slots=True)
class Step:
    """One waveform of a sequence."""

    waveform: int
    """Its handle."""

    loops: int
    """How often it comes."""

    length: int | None
    """The number of samples, None for all."""

    marker: int
    """The position of the marker, NO_MARKER for none."""


@dataclass(frozen=True, slots=True)
class FrequencyList:
    """The frequencies of a standard function in turn."""

    waveform: int
    """The function, one of Waveform."""

    frequencies: tuple[float, ...]
    """In hertz."""

    durations: tuple[float, ...]
    """Seconds of each."""


class Handles(Generic[T]):
    """Things with handles that count from 0.

    Args:
        kind: The word for one of them in messages.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._things: dict[int, T] = {}
        self._next = 0

    def add(self, thing: T, most: int) -> int:
        """Store a thing and return its handle.

        Raises:
            DriverError: There are too many.
        """
        if len(self._things) >= most:
            raise DriverError(INVALID_VALUE, f"There are already {most} {self._kind}s. Clear some.")
        handle, self._next = self._next, self._next + 1
        self._things[handle] = thing
        return handle

    def get(self, handle: int) -> T:
        """Return the thing with a handle.

        Raises:
            DriverError: There is none.
        """
        if handle not in self._things:
            raise DriverError(INVALID_VALUE, f"No {self._kind} has the handle {handle}.")
        return self._things[handle]

    def clear(self, handle: int) -> None:
        """Remove a thing, or all of them. After all, handles begin with 0 again.

        Raises:
            DriverError: There is none with this handle.
        """
        if handle == ALL:
            self._things.clear()
            self._next = 0
        else:
            self.get(handle)
            del self._things[handle]

    def __iter__(self) -> Iterator[T]:
        return iter(self._things.values())


class Memory:
    """All that clients wrote to a generator.

    Args:
        facts: The capabilities by the names of their attributes.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self.waveforms: Handles[Waveform] = Handles("waveform")
        self.named: dict[str, Waveform] = {}
        self.sequences: Handles[Sequence[Step]] = Handles("sequence")
        self.lists: Handles[FrequencyList] = Handles("frequency list")
        self.scripts: dict[str, Sequence[Instruction]] = {}
        self.user: dict[int, Floats] = {}
        """The user's own standard waveform, by the index of the channel."""

    def clear(self) -> None:
        """Forget waveforms, sequences and scripts."""
        self.waveforms.clear(ALL)
        self.named.clear()
        self.sequences.clear(ALL)
        self.scripts.clear()

    @property
    def space(self) -> int:
        """Return the number of samples that still fit."""
        used = sum(waveform.size for waveform in [*self.waveforms, *self.named.values()])
        free: int = self._facts["max_waveform_size"] - used
        return free

    # Waveforms.

    def allocate(self, channels: Sequence[int], size: int, name: str = "") -> int:
        """Make room for a waveform, with all samples at 0.

        Returns:
            Its handle, 0 if it has a name.

        Raises:
            DriverError: The size is not allowed, or too large.
        """
        known = self.named.get(name)
        if known is not None:
            if known.size != size or known.data.keys() & set(channels):
                raise DriverError(INVALID_VALUE, f"The waveform '{name}' exists. Delete it first.")
            self._fill(known, channels)
            return 0
        smallest, quantum = self._facts["min_waveform_size"], self._facts["waveform_quantum"]
        if size < smallest or size % quantum:
            raise DriverError(
                INVALID_VALUE,
                f"Waveform size: {size}. It must be {smallest} or more, a multiple of {quantum}.",
            )
        if size > self.space:
            raise DriverError(ERRORS.WAVEFORM_TOO_LARGE, f"{size} samples; {self.space} are free.")
        waveform = Waveform(size)
        self._fill(waveform, channels)
        if not name:
            return self.waveforms.add(waveform, self._facts["max_num_waveforms"])
        if len(self.named) >= self._facts["max_num_waveforms"]:
            raise DriverError(INVALID_VALUE, "There are too many waveforms. Delete some.")
        self.named[name] = waveform
        return 0

    @staticmethod
    def _fill(waveform: Waveform, channels: Sequence[int]) -> None:
        try:
            for channel in channels:
                waveform.data[channel] = np.zeros(waveform.size)
                waveform.position[channel] = 0
        except MemoryError as error:
            raise DriverError(ERRORS.WAVEFORM_TOO_LARGE, f"{waveform.size} samples") from error

    def waveform(self, key: Key) -> Waveform:
        """Return the waveform with a handle or name.

        Raises:
            DriverError: There is none.
        """
        if isinstance(key, int):
            return self.waveforms.get(key)
        if key not in self.named:
            raise DriverError(INVALID_VALUE, f"No waveform has the name '{key}'.")
        return self.named[key]

    def delete(self, key: Key) -> None:
        """Remove the waveform with a handle or name; with ALL all of both kinds."""
        if isinstance(key, int):
            self.waveforms.clear(key)
            if key == ALL:
                self.named.clear()
        else:
            self.waveform(key)
            del self.named[key]

    def create(self, channels: Sequence[int], samples: Floats) -> int:
        """Store a waveform and return its handle.

        Raises:
            DriverError: A sample is not from -1 to 1, or the size is not allowed.
        """
        check_samples(samples)
        handle = self.allocate(channels, len(samples))
        self.write(handle, channels, samples)
        return handle

    def write(self, key: Key, channels: Sequence[int], samples: Floats) -> None:
        """Write the next samples of a waveform. A name that is new creates it.

        Raises:
            DriverError: There is no such waveform, the samples do not fit into it, or they are not
                from -1 to 1.
        """
        check_samples(samples)
        if isinstance(key, str):
            self._make_named(key, channels, len(samples))
        waveform = self.waveform(key)
        for channel in channels:
            begin = self._position(waveform, channel)
            if begin + len(samples) > waveform.size:
                raise DriverError(
                    INVALID_VALUE,
                    f"{len(samples)} samples from {begin} on do not fit into {waveform.size}.",
                )
        for channel in channels:
            begin = waveform.position[channel]
            waveform.data[channel][begin : begin + len(samples)] = samples
            waveform.position[channel] = begin + len(samples)

    def _make_named(self, name: str, channels: Sequence[int], size: int) -> None:
        """Make room for a named waveform on the channels that do not have it."""
        known = self.named.get(name)
        missing = [c for c in channels if known is None or c not in known.data]
        if missing:
            self.allocate(missing, known.size if known else size, name)

    def seek(self, key: Key, channels: Sequence[int], offset: int, *, relative: bool) -> None:
        """Set the position of the next write.

        Raises:
            DriverError: There is no such waveform, or the position is outside of it.
        """
        waveform = self.waveform(key)
        for channel in channels:
            position = offset + (self._position(waveform, channel) if relative else 0)
            if not 0 <= position <= waveform.size:
                raise DriverError(INVALID_VALUE, f"Offset: {offset}")
            waveform.position[channel] = position

    @staticmethod
    def _position(waveform: Waveform, channel: int) -> int:
        if channel not in waveform.position:
            raise DriverError(INVALID_VALUE, "The waveform was not allocated for this channel.")
        return waveform.position[channel]

    # Sequences, frequency lists, scripts.

    def add_sequence(self, steps: Sequence[Step]) -> int:
        """Store a sequence and return its handle.

        Raises:
            DriverError: A number is not allowed, or a waveform does not exist.
        """
        facts = self._facts
        if not facts["min_sequence_length"] <= len(steps) <= facts["max_sequence_length"]:
            raise DriverError(INVALID_VALUE, f"Sequence length: {len(steps)}")
        for step in steps:
            size = self.waveforms.get(step.waveform).size
            length = size if step.length is None else step.length
            if not 1 <= step.loops <= facts["max_loop_count"]:
                raise DriverError(INVALID_VALUE, f"Loop count: {step.loops}")
            if not facts["min_waveform_size"] <= length <= size:
                raise DriverError(INVALID_VALUE, f"Sample count: {length}")
            if step.marker != NO_MARKER and not 0 <= step.marker < size:
                raise DriverError(INVALID_VALUE, f"Marker location: {step.marker}")
        return self.sequences.add(steps, facts["max_num_sequences"])

    def add_list(self, frequencies: FrequencyList) -> int:
        """Store a frequency list and return its handle.

        Raises:
            DriverError: A number is not allowed.
        """
        facts = self._facts
        count = len(frequencies.frequencies)
        if not facts["min_freq_list_length"] <= count <= facts["max_freq_list_length"]:
            raise DriverError(INVALID_VALUE, f"Frequency list length: {count}")
        shortest, longest = facts["min_freq_list_duration"], facts["max_freq_list_duration"]
        for duration in frequencies.durations:
            if not shortest <= duration <= longest:
                raise DriverError(INVALID_VALUE, f"Duration: {duration}")
        return self.lists.add(frequencies, facts["max_num_freq_lists"])

    def write_scripts(self, text: str) -> None:
        """Store the scripts in a text.

        Raises:
            DriverError: The text has an error.
        """
        scripts = parse_scripts(text)
        if len(self.scripts | scripts) > _MOST_SCRIPTS:
            raise DriverError(INVALID_VALUE, "There are too many scripts. Delete some.")
        self.scripts.update(scripts)

    def script(self, name: str) -> Sequence[Instruction]:
        """Return the script with a name.

        Raises:
            DriverError: There is none.
        """
        if name not in self.scripts:
            raise DriverError(INVALID_VALUE, f"No script has the name '{name}'.")
        return self.scripts[name]


def check_samples(samples: Floats) -> None:
    """Raise DriverError if a sample is not a number from -1 to 1."""
    if not np.all(np.abs(samples) <= 1.0):
        raise DriverError(INVALID_VALUE, "Waveform data must be from -1 to 1.")
