"""Scan lists of NI-SWITCH: paths that are connected in turn, with triggers between them.

Entries end at semicolons. At a semicolon a scan waits for a trigger. The actions of an entry are
separated by `&` or `,`: `ch0->com0` connects a path, `~ch0->com0` disconnects it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from niswitch.enums import ScanMode

from device_sim.base.script import Activity, Script, Waiting
from device_sim.drivers.niswitch.errors import ERRORS
from device_sim.drivers.niswitch.layout import Contact
from device_sim.errors import DriverError

_SHORTEST = 1e-5  # Seconds of even an entry without settling: a scan without end takes some time.
_BETWEEN_ACTIONS = re.compile(r"&&?|,")


class Wait(Enum):
    """The trigger of a scan."""

    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Entry:
    """The actions between two semicolons."""

    connected: Sequence[Contact]
    """The paths to connect."""

    disconnected: Sequence[Contact]
    """The paths to disconnect before."""

    waits: bool
    """True if a semicolon follows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a scan, as they are at its initiate."""

    entries: Sequence[Entry]
    """The scan list."""

    mode: int
    """What happens to paths that share a channel with a new one; one of ScanMode."""

    settling: float
    """Seconds in which relays settle."""

    delay: float
    """Smallest number of seconds from the last relay to the scan advanced output."""

    is_triggered: bool
    """True if each semicolon waits for a trigger."""

    is_continuous: bool
    """True if the list begins again at its end."""


class Switch(Protocol):
    """The paths that a scan changes."""

    @property
    def paths(self) -> set[Contact]:
        """The paths that are connected."""
        ...

    def connect(self, contacts: Sequence[Contact], at: float) -> None:
        """Connect paths from a time on."""
        ...

    def disconnect(self, contacts: Sequence[Contact], at: float) -> None:
        """Disconnect paths from a time on."""
        ...


def parse_scan_list(text: str, parse_path: Callable[[str], Sequence[Contact]]) -> Sequence[Entry]:
    """Return the entries of a scan list.

    Args:
        text: The list.
        parse_path: Return the contacts of one path.

    Raises:
        DriverError: The list is empty, or has a path that does not exist.
    """
    if not text.strip(" ;"):
        raise DriverError(ERRORS.EMPTY_SCAN_LIST)
    *before, last = text.split(";")
    entries = [_entry(each, parse_path, waits=True) for each in before]
    return [*entries, _entry(last, parse_path, waits=False)] if last.strip() else entries


def _entry(text: str, parse_path: Callable[[str], Sequence[Contact]], *, waits: bool) -> Entry:
    connected: list[Contact] = []
    disconnected: list[Contact] = []
    for action in filter(str.strip, _BETWEEN_ACTIONS.split(text)):
        path = action.strip()
        chosen = disconnected if path.startswith("~") else connected
        chosen += parse_path(path.removeprefix("~"))
    return Entry(connected, disconnected, waits)


class Scan(Activity):
    """One scan, from initiate to abort.

    Args:
        plan: Its plan.
        switch: The paths.
        signal: Put the scan advanced output onto its terminal; see Activity.
        start: Time of initiate.
    """

    def __init__(
        self, plan: Plan, switch: Switch, signal: Callable[[str, float], bool], start: float
    ) -> None:
        super().__init__(start)
        self.signal = signal
        self._plan = plan
        self._switch = switch
        self.begin(self._scan(start))

    def _scan(self, now: float) -> Script:
        plan = self._plan
        while True:
            for entry in plan.entries:
                begin = now
                now = yield from self._make(entry, now)
                now = yield max(now + max(plan.settling, plan.delay), begin + _SHORTEST)
                self.emit("scan_advanced", now)
                if entry.waits and plan.is_triggered:
                    now = yield Wait.TRIGGER
            if not plan.is_continuous:
                return

    def _make(self, entry: Entry, now: float) -> Generator[Waiting, float, float]:
        """Disconnect and connect the paths of an entry. Return the time of the last change."""
        mode, switch = self._plan.mode, self._switch
        old = [path for path in entry.disconnected if path in switch.paths]
        new = [path for path in entry.connected if path not in switch.paths]
        in_the_way = [] if mode == ScanMode.NONE.value else self._in_the_way(new, old)
        if mode == ScanMode.BREAK_AFTER_MAKE.value and in_the_way:
            switch.disconnect(old, now)
            switch.connect(new, now)
            now = yield now + self._plan.settling
            switch.disconnect(in_the_way, now)
            return now
        old += in_the_way
        if old:
            switch.disconnect(old, now)
            now = yield now + self._plan.settling
        switch.connect(new, now)
        return now

    def _in_the_way(self, new: Sequence[Contact], old: Sequence[Contact]) -> list[Contact]:
        """Return the connected paths that share a channel with new ones."""
        channels = {channel for path in new for channel in (path.first, path.second)}
        return [
            path
            for path in self._switch.paths
            if path not in old and not channels.isdisjoint({path.first, path.second})
        ]
