"""A burst of a pattern on the bench: drive the nets, and compare them at the strobes.

The drive of a whole burst is known at its begin, because the pattern is straight. So each pin is
one source with a track of steps. The circuit changes only where a pin begins or ceases to drive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device_sim.bench import Bench, Terminal, Track
from device_sim.drivers.nidigital.drive import (
    Drive,
    Floats,
    Slots,
    begins_of,
    drive_of,
    edges_in,
    slots_of,
)
from device_sim.drivers.nidigital.electronics import (
    PinElectronics,
    compared,
    driver,
    fails,
    playing,
    termination,
)
from device_sim.drivers.nidigital.levels import Levels, Termination, TimeSet
from device_sim.drivers.nidigital.pattern import Cycles, Pattern, PinState
from device_sim.drivers.nidigital.results import SiteResult
from device_sim.errors import DeviceSimError

_CHUNK = 512  # Cycles that are compared together: the bench remembers only so many changes.
_MOST_STROBES = 2**22  # Of a burst: others wait meanwhile, and the results stay in memory.

Pins = Sequence[PinElectronics | None]
"""The electronics of each pin of a pattern; None if its channel is not wired."""


@dataclass(frozen=True, slots=True)
class _Pin:
    """A pin of a site, with its settings at the begin of the burst."""

    site: int
    place: int
    electronics: PinElectronics
    levels: Levels
    is_masked: bool
    slots: Slots
    drive: Drive
    track: Track


class Burst:
    """One burst, as a script on the timeline of the bench.

    Args:
        bench: The bench.
        pattern: The pattern.
        first: The vector with which it begins.
        sites: The pins of each site. A comparison of a pin without electronics passes.
        time_sets: The time sets by name.
        at: The time of its begin.

    Raises:
        ValueError: The pattern has too many cycles, or does not end.
        KeyError: A time set does not exist.
    """

    is_looking = False

    def __init__(
        self,
        bench: Bench,
        pattern: Pattern,
        first: int,
        sites: Mapping[int, Pins],
        time_sets: Mapping[str, TimeSet],
        at: float,
    ) -> None:
        self._bench = bench
        self._failure: DeviceSimError | None = None
        cycles = pattern.cycles(first)
        names = pattern.time_sets
        periods = [time_sets[name].period for name in names]
        wired = sum(pin is not None for pins in sites.values() for pin in pins)
        if len(cycles.vectors) * wired > _MOST_STROBES:
            raise ValueError(
                f"The pattern {pattern.name} has {len(cycles.vectors)} cycles on {wired} wired "
                f"pins, and a bench runs at most {_MOST_STROBES} cycles times pins. Burst it in "
                "parts, or on fewer sites."
            )
        self._begins = begins_of(cycles, periods, at)
        self.end = float(self._begins[-1])
        """The time of its end."""
        self._pins: list[_Pin] = []
        for site, pins in sites.items():
            for place, electronics in enumerate(pins):
                if electronics is not None:
                    edges = edges_in(time_sets, names, electronics.channel)
                    slots = slots_of(cycles, place, edges, periods, self._begins)
                    self._pins.append(_pin(site, place, electronics, slots))
        self.results = {site: self._unknown(pattern, cycles, site) for site in sites}
        """The results of each site, complete at the end."""
        self._changes = self._planned(at)
        self._compared = 0
        self.is_done = not len(cycles.vectors)
        """True if all of its cycles have run."""

    # Planning.

    def _unknown(self, pattern: Pattern, cycles: Cycles, site: int) -> SiteResult:
        """Return the results of a site without any comparison: what is expected is there."""
        states = cycles.states.copy()
        for pin in (pin for pin in self._pins if pin.site == site):
            states[:, :, pin.place] = PinState.NOT_A_PIN_STATE
            states[pin.slots.cycles, pin.slots.places, pin.place] = pin.slots.states
        is_low = (states == PinState.ZERO) | (states == PinState.X)
        actual = np.where(is_low, np.uint8(PinState.L), states)
        is_high = (states == PinState.ONE) | (states == PinState.V)
        actual = np.where(is_high, np.uint8(PinState.H), actual)
        failed = np.zeros(states.shape, np.bool_)
        return SiteResult(pattern, replace(cycles, states=states), actual, failed)

    def _planned(self, at: float) -> list[tuple[float, dict[str, Terminal]]]:
        """Return the changes of terminals, the last one first."""
        planned: dict[float, dict[str, Terminal]] = {at: {}}
        for pin in self._pins:
            channel, levels = pin.electronics.channel, pin.levels
            plays, rests = playing(pin.track), termination(levels)
            drove = pin.electronics.state is not PinState.X
            if drove or levels.termination is Termination.VTERM:
                planned[at][channel] = plays
            else:
                planned[at][channel] = rests
            if levels.termination is not Termination.VTERM:
                for times, terminal in ((pin.drive.ons, plays), (pin.drive.offs, rests)):
                    for time in times.tolist():
                        planned.setdefault(time, {})[channel] = terminal
        return sorted(planned.items(), key=lambda change: -change[0])

    # Methods for the timeline.

    def due(self) -> float:
        """Return the time of the next change of a terminal, or of the next comparisons."""
        if self.is_done:
            return math.inf
        change = self._changes[-1][0] if self._changes else math.inf
        return min(change, self._compares_at)

    def run(self, until: float, now: float) -> None:
        """Change the next terminals, or make the next comparisons."""
        if self._changes and self._changes[-1][0] <= self._compares_at:
            at, terminals = self._changes.pop()
            self._bench.drive_all(terminals, at)
            return
        self._bench.check_devices()
        first, last = self._compared, self._chunk_end
        for pin in self._pins:
            self._compare(pin, first, last)
        self._compared = last
        if last + 1 == len(self._begins):
            self.is_done = True
            for pin in self._pins:
                pin.electronics.state = _state_after(pin)

    def fail(self, error: DeviceSimError) -> None:
        """Stop. The caller that asks for results gets the error."""
        self._failure, self.is_done = error, True

    # Methods for the session.

    def check(self) -> None:
        """Raise the error that ended the burst, if one did."""
        if self._failure is not None:
            raise self._failure

    def stop(self, at: float) -> None:
        """End the burst before its time. Each pin goes on to drive what it drives then."""
        if self.is_done:
            return
        self.is_done = True
        stopped: dict[str, Terminal] = {}
        for pin in self._pins:
            electronics, drive = pin.electronics, pin.drive
            is_driving = (electronics.state is not PinState.X) + np.count_nonzero(
                drive.ons <= at
            ) > np.count_nonzero(drive.offs <= at)
            before = drive.highs[drive.times <= at]
            if len(before):
                electronics.state = PinState.ONE if before[-1] else PinState.ZERO
            if not is_driving:
                electronics.state = PinState.X
            stopped[electronics.channel] = electronics.terminal()
        self._bench.drive_all(stopped, at)

    # Comparing.

    @property
    def _chunk_end(self) -> int:
        return min(self._compared + _CHUNK, len(self._begins) - 1)

    @property
    def _compares_at(self) -> float:
        """The time at which the next comparisons are made: after the last one of a chunk."""
        return float(self._begins[self._chunk_end])

    def _compare(self, pin: _Pin, first: int, last: int) -> None:
        """Compare a pin in the cycles from `first` to before `last`."""
        slots, result = pin.slots, self.results[pin.site]
        begin, end = np.searchsorted(slots.cycles, [first, last])
        # A strobe after the end of its cycle counts at the end.
        times = np.minimum(slots.strobes[begin:end], self._compares_at)
        unique, inverse = np.unique(times, return_inverse=True)
        if not len(unique):
            return
        volts: Floats = self._bench.volts(pin.electronics.channel, unique)[inverse]
        where = (slots.cycles[begin:end], slots.places[begin:end], pin.place)
        result.actual[where] = compared(volts, pin.levels)
        if not pin.is_masked:
            result.failed[where] = fails(slots.states[begin:end], volts, pin.levels)


def _pin(site: int, place: int, electronics: PinElectronics, slots: Slots) -> _Pin:
    levels, drove = electronics.levels, electronics.state
    drive = drive_of(slots, levels, drove)
    before = electronics.terminal()
    level = before.level if isinstance(before, type(driver(0.0))) else 0.0
    times, volts = drive.times, drive.volts
    if levels.termination is Termination.VTERM:
        times = np.concatenate((drive.offs, times))
        volts = np.concatenate((np.full(len(drive.offs), levels.vterm), volts))
        order = np.argsort(times, kind="stable")
        times, volts = times[order], volts[order]
    track = Track(times.tolist(), volts.tolist(), before=level)
    return _Pin(site, place, electronics, levels, electronics.is_masked, slots, drive, track)


def _state_after(pin: _Pin) -> PinState:
    """Return what a pin drives after a burst."""
    if not len(pin.slots.states):
        return pin.electronics.state
    if not pin.slots.driven[-1]:
        return PinState.X
    return PinState.ONE if pin.drive.highs[-1] else PinState.ZERO
