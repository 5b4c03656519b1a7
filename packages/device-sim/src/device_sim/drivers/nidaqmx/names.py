"""Channel lists as NI-DAQmx writes them: `Dev1/ai0:3, Dev1/ai7`, `Dev1/port0/line7:0`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.errors import DriverError

MOST_NAMES = 15_000
"""The most names of one range, as in NI's driver."""

_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL | re.ASCII)


def expand(text: str) -> list[str]:
    """Return the names of a list with commas and ranges, in its order.

    A range may count down. With a leading zero in its first number, all its numbers have as many
    digits. The part before the number may stand after the colon again: `Dev1/ai0:Dev1/ai3`.

    Raises:
        DriverError: A range has no number before and after its colon, or too many names.
    """
    return [name for token in text.split(",") if token.strip() for name in _expand(token.strip())]


def _expand(token: str) -> list[str]:
    before, colon, after = (part.strip() for part in token.partition(":"))
    if not colon:
        return [token]
    first, last = _NUMBERED.fullmatch(before), _NUMBERED.fullmatch(after)
    if not first or not last or last[1].lower() not in ("", first[1].lower()):
        raise DriverError(ERRORS.INVALID_RANGE_OF_OBJECTS_SYNTAX_IN_STRING, f"Range: {token}")
    begin, end = int(first[2][:20]), int(last[2][:20])
    if abs(end - begin) >= MOST_NAMES:
        raise DriverError(ERRORS.INVALID_RANGE_OF_OBJECTS_SYNTAX_IN_STRING, f"Range: {token}")
    digits = len(first[2]) if begin and first[2].startswith("0") else 0
    step = 1 if begin <= end else -1
    return [f"{first[1]}{number:0{digits}}" for number in range(begin, end + step, step)]


@dataclass(slots=True)
class _Range:
    base: str
    first: str
    last: str
    step: int = 0

    def take(self, base: str, number: str) -> bool:
        """Take the next name into the range, if it fits."""
        step = int(number) - int(self.last)
        fits = base == self.base and len(number) == len(str(int(number)))
        if not fits or step not in ((1, -1) if self.step == 0 else (self.step,)):
            return False
        self.last, self.step = number, step
        return True

    def __str__(self) -> str:
        return f"{self.base}{self.first}" + (f":{self.last}" if self.step else "")


def flatten(names: Iterable[str]) -> str:
    """Return a list that `expand` turns into these names. Neighbours become ranges."""
    parts: list[_Range | str] = []
    for name in names:
        numbered = _NUMBERED.fullmatch(name)
        if not numbered or len(numbered[2]) != len(str(int(numbered[2]))):
            parts.append(name)
        elif not (parts and isinstance(parts[-1], _Range) and parts[-1].take(*numbered.groups())):
            parts.append(_Range(numbered[1], numbered[2], numbered[2]))
    return ", ".join(map(str, parts))


def name_channels(text: str, physical: Iterable[str]) -> list[str]:
    """Return the names of new virtual channels.

    Args:
        text: As the client gives them. Empty: each has the name of its physical channel. One name
            for several channels: a number from 0 follows it. Else a list with a name for each.
        physical: The names of their physical channels.

    Raises:
        DriverError: The list has another number of names.
    """
    wanted = list(physical)
    names = expand(text)
    if not names:
        return wanted
    if len(names) == 1 and len(wanted) > 1:
        return [f"{names[0]}{number}" for number in range(len(wanted))]
    if len(names) != len(wanted):
        raise DriverError(
            ERRORS.INVALID_CHANNEL,
            f"{len(names)} names for {len(wanted)} channels: {text}. "
            "Give one name, or one for each channel.",
        )
    return names


def device_of(name: str) -> str:
    """Return the device in the name of a physical channel or terminal."""
    return name.strip().strip("/").partition("/")[0]
