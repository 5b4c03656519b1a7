"""Parse resource names and channel strings: `Dev1/0-3, Dev2/0`.

The rules are those that nimi-python's system tests assert: blanks never count; device names
compare without case and keep their first spelling; ranges go up or down and are written
`a-b` or `a:b`; the answer has the order of the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from device_sim.errors import DEVICE_NOT_FOUND, UNKNOWN_CHANNEL, DriverError

_RANGE = re.compile(r"(\d{1,9})[-:](\d{1,9})")
_LONGEST_RANGE = 100_000  # No instrument has more channels.


@dataclass(frozen=True, slots=True)
class ChannelId:
    """One physical channel."""

    device: str
    """Name of the instrument, in its first spelling."""

    number: str
    """Name of the channel on the instrument, such as `0`."""

    @property
    def qualified(self) -> str:
        """The name that sessions with independent channels use, `Dev1/0`."""
        return f"{self.device}/{self.number}"


def parse_resource(resource: str, names: Sequence[str]) -> list[ChannelId]:
    """List the channels of a resource name.

    Args:
        resource: For example `Dev1`, `Dev1/0-3,Dev2/1`.
        names: The channels of this model.

    Raises:
        DriverError: A name is below a channel, or a channel does not exist.
    """
    spelling: dict[str, str] = {}
    channels: dict[ChannelId, None] = {}
    for token in tokens(resource):
        device, tail = _split_device(token)
        device = spelling.setdefault(device.lower(), device)
        for number in expand_numbers(tail) if tail else names:
            if number not in names:
                raise DriverError(UNKNOWN_CHANNEL, f"Channel: {device}/{number}")
            channels[ChannelId(device, number)] = None
    return list(channels)


def _split_device(token: str) -> tuple[str, str]:
    device, *rest = token.split("/")
    # The Python client adds the device to every channel, even to one that has it already.
    while len(rest) > 1 and rest[0].lower() == device.lower():
        rest = rest[1:]
    if not device or len(rest) > 1:
        raise DriverError(DEVICE_NOT_FOUND, f"Device Specified: {token}")
    return device, rest[0] if rest else ""


def expand_numbers(text: str) -> list[str]:
    """Return the numbers of one token, `3` or `0-3` or `3:0`, in its order."""
    found = _RANGE.fullmatch(text)
    if not found:
        return [text]
    first, last = int(found[1]), int(found[2])
    if abs(last - first) > _LONGEST_RANGE:
        return [text]  # as any name that does not exist
    step = 1 if last >= first else -1
    return [str(number) for number in range(first, last + step, step)]


def tokens(text: str) -> list[str]:
    """Return the names in a comma list, without blanks."""
    return [token for token in "".join(text.split()).split(",") if token]


class ChannelList:
    """The channels of one session, in order, and the names by which a client selects them.

    Args:
        channels: The channels, in the order of the resource name.
        qualified: True if names contain their device (`Dev1/0`), False for bare ones (`0`).
    """

    def __init__(self, channels: Sequence[ChannelId], *, qualified: bool) -> None:
        self.channels = tuple(channels)
        self.names = tuple(c.qualified if qualified else c.number for c in channels)
        self.devices = tuple(dict.fromkeys(c.device for c in channels))
        self._by_name: dict[str, int] = {}
        for index, channel in enumerate(channels):
            self._by_name[channel.qualified.lower()] = index
            if len(self.devices) == 1:
                self._by_name[channel.number.lower()] = index

    def __len__(self) -> int:
        return len(self.channels)

    def select(self, text: str) -> list[int]:
        """Return the indices of the channels that `text` names. An empty text names all.

        Raises:
            DriverError: A name is not a channel of this session.
        """
        named = tokens(text)
        if not named:
            return list(range(len(self.channels)))
        return [index for token in named for index in self._select_one(token)]

    def _select_one(self, token: str) -> Iterable[int]:
        device, slash, tail = token.rpartition("/")
        for number in expand_numbers(tail):
            index = self._by_name.get(f"{device}{slash}{number}".lower())
            if index is None:
                raise DriverError(UNKNOWN_CHANNEL, f"Channel or repeated capability: {token}")
            yield index

    def numbered(self, text: str) -> list[str]:
        """Return the names of channels by their numbers in the session, counted from 0.

        Raises:
            DriverError: There is no channel with one of the numbers.
        """
        names = []
        for number in (n for token in tokens(text) or [text] for n in expand_numbers(token)):
            if not number.isdecimal() or int(number) >= len(self.names):
                raise DriverError(UNKNOWN_CHANNEL, f"Index: {number}")
            names.append(self.names[int(number)])
        return names

    def select_devices(self, text: str) -> list[str] | None:
        """Return the instruments that `text` names: all if it is empty, None for unknown names."""
        by_name = {device.lower(): device for device in self.devices}
        named = [token.lower() for token in tokens(text)] or list(by_name)
        if not all(token in by_name for token in named):
            return None
        return [by_name[token] for token in named]
