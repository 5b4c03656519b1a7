"""A session of NI-SWITCH: relays, and the paths that a client connected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from itertools import pairwise

from niswitch.enums import (
    ScanAdvancedOutput,
    ScanAdvancedPolarity,
    TriggerInput,
    TriggerInputPolarity,
)

from device_sim.base.attributes import Attribute, Value
from device_sim.base.instrument import InstrumentSession, Opening
from device_sim.base.script import Activity, Script
from device_sim.call import Call
from device_sim.drivers.niswitch.errors import ERRORS
from device_sim.drivers.niswitch.layout import Contact, SwitchModel
from device_sim.drivers.niswitch.scan import Plan, Scan, Wait, parse_scan_list
from device_sim.errors import UNKNOWN_CHANNEL, DriverError

_TRAVEL = 0.5  # Of the settling time: contacts move, and then may bounce.
_BOUNCES = 3  # How often a bouncing contact opens again.

_LINES = {
    line.value: line.name
    for line in (*TriggerInput, *ScanAdvancedOutput)
    if line.name not in ("IMMEDIATE", "SOFTWARE_TRIG", "NONE")
}
"""The terminal of each source of a trigger, and of each destination."""

_ARROW = re.compile(r"\s*->\s*")
_BETWEEN_PATHS = re.compile(r"[,;&]")


class SwitchSession(InstrumentSession):
    """The state of one NI-SWITCH session."""

    model: SwitchModel

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.closed: set[str] = set()
        """The relays that are closed, by name."""
        self.paths: set[Contact] = set()
        """The paths that a client connected."""
        self._settled_at = 0.0
        self.scan: Scan | None = None
        """The scan since initiate."""
        self._movements = Activity(self.now)
        self._moving = 0
        self._is_over = False
        self.timeline.add(self._movements)
        self._drive(self.model.contacts.values(), self.now, set())

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return the value of an attribute, which may be a fact about the topology or relays."""
        if attribute.name == "number_of_relays":
            return len(self.model.relays)
        if attribute.name == "is_debounced":
            return self.is_debounced
        if attribute.name == "is_scanning":
            return self.is_scanning
        if attribute.name == "is_waiting_for_trig":
            return self.scan is not None and self.scan.waits_since(Wait.TRIGGER) is not None
        if attribute.name in self.model.facts:
            return self.model.facts[attribute.name]
        return super().combine(attribute, indices)

    # Channels and paths.

    def contact(self, first: str, second: str) -> Contact | None:
        """Return the contact that joins two channels, None if none does.

        Raises:
            DriverError: A channel does not exist.
        """
        names = [self.channels.names[self._index(name)].lower() for name in (first, second)]
        return self.model.contacts.get(frozenset(names))

    def _index(self, name: str) -> int:
        indices = self.channels.select(name)
        if len(indices) != 1 or not name.strip():
            raise DriverError(UNKNOWN_CHANNEL, f"Channel: {name}")
        return indices[0]

    def parse(self, paths: str) -> list[Contact]:
        """Return the contacts of a list of paths, `c0->r0, [c1->r1->c2]`, each once.

        Raises:
            DriverError: There is no path, a path is none, or its channels cannot be connected.
        """
        if not paths.strip():
            raise DriverError(ERRORS.EMPTY_SWITCH_PATH)
        contacts = []
        for path in filter(str.strip, _BETWEEN_PATHS.split(paths)):
            ends = _ARROW.split(path.strip().strip("[]"))
            if len(ends) < 2:
                raise DriverError(ERRORS.INVALID_SWITCH_PATH, f"Path: {path}")
            contacts += [self._leg(*leg) for leg in pairwise(ends)]
        return list(dict.fromkeys(contacts))

    def _leg(self, first: str, second: str) -> Contact:
        contact = self.contact(first, second)
        if contact is None:
            raise DriverError(ERRORS.CANNOT_CONNECT_DIRECTLY, f"Channels: {first}, {second}")
        return contact

    def find(self, first: str, second: str) -> Contact:
        """Return the path that could connect two channels.

        Raises:
            DriverError: There is none.
        """
        contact = self.contact(first, second)
        if contact is None:
            same = self._index(first) == self._index(second)
            error = ERRORS.CANNOT_CONNECT_TO_ITSELF if same else ERRORS.PATH_NOT_FOUND
            raise DriverError(error, f"Channels: {first}, {second}")
        return contact

    def path(self, first: str, second: str) -> Contact:
        """Return the path between two channels that a client connected.

        Raises:
            DriverError: There is none.
        """
        contact = self.contact(first, second)
        if contact is None or contact not in self.paths:
            raise DriverError(ERRORS.NO_SUCH_PATH, f"Channels: {first}, {second}")
        return contact

    def connect(self, contacts: Sequence[Contact], at: float | None = None) -> None:
        """Connect all of some paths, or none.

        Args:
            contacts: The paths.
            at: The time, for a scan; None for now.

        Raises:
            DriverError: One is connected already, or needs a relay that another path uses.
        """
        for number, contact in enumerate(contacts):
            if contact in self.paths:
                raise DriverError(ERRORS.EXPLICIT_CONNECTION_EXISTS, f"Path: {contact.path}")
            others = {*self.paths, *contacts[:number]}
            if any(other.relay == contact.relay for other in others):
                raise DriverError(ERRORS.RSRC_IN_USE, f"Path: {contact.path}")
        for contact in contacts:
            self.paths.add(contact)
            self.operate([contact.relay], close=not contact.closed_at_rest, at=at)

    def is_in_use(self, contact: Contact) -> bool:
        """Return whether another path needs the relay of a contact."""
        return any(path.relay == contact.relay for path in self.paths - {contact})

    def disconnect(self, contacts: Sequence[Contact], at: float | None = None) -> None:
        """Disconnect all of some paths, or none; at a time as in `connect`.

        Raises:
            DriverError: A client did not connect one of them.
        """
        for contact in contacts:
            self.path(contact.first, contact.second)
        for contact in contacts:
            self.paths.remove(contact)
            self.operate([contact.relay], close=False, at=at)

    def disconnect_all(self) -> None:
        """Disconnect all paths and open all relays."""
        self.paths.clear()
        self.operate(list(self.closed), close=False)

    # Relays.

    def relay(self, name: str) -> str:
        """Return a relay by its name, with or without that of the instrument.

        Raises:
            DriverError: The topology has no such relay.
        """
        found = name.strip().lower().rpartition("/")[2]
        if found not in self.model.relays:
            raise DriverError(ERRORS.INVALID_RELAY_NAME, f"Relay: {name}")
        return found

    def operate(self, relays: Sequence[str], *, close: bool, at: float | None = None) -> None:
        """Close or open relays. They need the settling time, and their contacts a part of it."""
        begin = self.now if at is None else at
        moved = [relay for relay in relays if close != (relay in self.closed)]
        if close:
            self.closed.update(moved)
        else:
            self.closed.difference_update(moved)
        settling = self.number("settling_time")
        self._settled_at = begin + settling
        for relay in moved:
            self._moving += 1
            script = self._move(relay, begin + _TRAVEL * settling, is_closed=close)
            self._movements.begin(script)

    def _move(self, relay: str, at: float, *, is_closed: bool) -> Script:
        yield at
        yield from self._moved(relay, at, is_closed=is_closed)
        self._moving -= 1
        self._rest()

    def _moved(self, relay: str, at: float, *, is_closed: bool) -> Script:
        """Move the contacts of a relay, unless it sticks; they may bounce."""
        device, faults = self._device, self.bench.faults
        if any(each.relay == relay for each in faults.disturbances("stick_relay", device, at)):
            return
        bounces = faults.disturbances("bounce_relay", device, at)
        seconds = max((each.amount for each in bounces if each.relay == relay), default=0.0)
        self._drive(self._contacts_of(relay), at, {relay} if is_closed else set())
        for number in range(2 * _BOUNCES if seconds else 0):
            at += seconds / (2 * _BOUNCES)
            yield at
            is_there = is_closed == bool(number % 2)
            self._drive(self._contacts_of(relay), at, {relay} if is_there else set())

    def _contacts_of(self, relay: str) -> list[Contact]:
        return [contact for contact in self.model.contacts.values() if contact.relay == relay]

    def _drive(self, contacts: Iterable[Contact], at: float, closed: Set[str]) -> None:
        """Close and open contacts from a time on, given the relays that are closed."""
        for contact in contacts:
            ends = (f"{self._device}/{contact.first}", f"{self._device}/{contact.second}")
            self.bench.join(*ends, closed=_conducts(contact, closed), at=at)

    @property
    def _device(self) -> str:
        return self.channels.devices[0]

    # Scans.

    @property
    def is_scanning(self) -> bool:
        """Return whether a scan is in progress."""
        return self.scan is not None and not self.scan.finished

    def check_rest(self) -> None:
        """Raise DriverError if a scan is in progress."""
        if self.is_scanning:
            raise DriverError(ERRORS.SCAN_IN_PROGRESS)

    def initiate(self, indices: Sequence[int] = ()) -> None:
        """Start the configured scan. Edges on the terminal of its trigger are heard.

        Raises:
            DriverError: A scan is in progress, or the scan list has an error.
        """
        self.check_rest()
        entries = parse_scan_list(str(self.get("scan_list")), self.parse)
        source = self.get("trigger_input")
        plan = Plan(
            entries,
            mode=int(self.number("scan_mode")),
            settling=self.number("settling_time"),
            delay=self.number("scan_delay"),
            is_triggered=source != TriggerInput.IMMEDIATE.value,
            is_continuous=bool(self.get("continuous_scan")),
        )
        self.timeline.discard(self.scan)
        self.scan = Scan(plan, self, self._tell, self.now)
        self.timeline.add(self.scan)
        polarity = self.get("trigger_input_polarity")
        is_rising = polarity != TriggerInputPolarity.FALLING.value
        self.listen(self.scan, Wait.TRIGGER, _LINES.get(int(source), ""), rising=is_rising)

    def _tell(self, signal: str, at: float) -> bool:
        """Put the scan advanced output onto its terminals."""
        line = _LINES.get(int(self.number("scan_advanced_output")), "")
        names = map(self.terminal, (f"{self._device}/scanadvanced", line))
        polarity = self.get("scan_advanced_polarity")
        is_high = polarity != ScanAdvancedPolarity.FALLING.value
        return self.bench.bus.pulse([name for name in names if name], at, active_high=is_high)

    def send_trigger(self) -> None:
        """Send a software trigger.

        Raises:
            DriverError: No scan is in progress.
        """
        if self.scan is None or not self.is_scanning:
            raise DriverError(ERRORS.NO_SCAN_IN_PROGRESS)
        if not self.loses_trigger(self.now):
            self.scan.send(Wait.TRIGGER, self.now)
        self.lock.notify_all()

    def abort(self, indices: Sequence[int] = ()) -> None:
        """End the scan. The paths stay as they are.

        Raises:
            DriverError: No scan was initiated.
        """
        if self.scan is None:
            raise DriverError(ERRORS.NO_SCAN_IN_PROGRESS)
        self._end_scan()

    def _end_scan(self) -> None:
        self.timeline.discard(self.scan)
        self.scan = None
        with self.lock:
            self.lock.notify_all()

    def wait_for_scan(self, timeout: float, call: Call) -> None:
        """Wait until the scan ends.

        Raises:
            DriverError: It has not within `timeout` seconds, or a path cannot be connected.
        """

        def poll(now: float) -> float | None:
            if self.scan is not None:
                self.scan.check()
            return self.scan.due() if self.scan is not None and self.is_scanning else None

        if not self.wait(call, poll, self.now + timeout):
            raise DriverError(ERRORS.MAX_TIME_EXCEEDED)

    # Time and the end.

    @property
    def is_debounced(self) -> bool:
        """Return whether all relays have settled."""
        return self.now >= self._settled_at

    def wait_for_debounce(self, timeout: float, call: Call) -> None:
        """Wait until all relays have settled.

        Raises:
            DriverError: They have not within `timeout` seconds.
        """

        def poll(now: float) -> float | None:
            return None if now >= self._settled_at else self._settled_at

        if not self.wait(call, poll, self.now + timeout):
            raise DriverError(ERRORS.MAX_TIME_EXCEEDED)

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Open all relays and set all attributes to their defaults."""
        self._end_scan()
        self.attributes.reset()
        self.disconnect_all()

    def disable(self) -> None:
        """Open all relays."""
        self._end_scan()
        self.disconnect_all()

    def close(self) -> None:
        """Leave the relays as they are. Those that move come to rest at their time."""
        with self.lock:
            self.catch_up()
            self._end_scan()
            self._is_over = True
            self._rest()

    def _rest(self) -> None:
        if self._is_over and not self._moving:
            self.timeline.discard(self._movements)


def _conducts(contact: Contact, closed: Set[str]) -> bool:
    """Return whether a contact conducts, given the relays that are closed."""
    return (contact.relay in closed) != contact.closed_at_rest
