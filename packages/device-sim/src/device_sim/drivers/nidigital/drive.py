"""What a pin drives during a burst: voltages over time, and the times at which it drives at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device_sim.drivers.nidigital.levels import DriveFormat, Edges, Levels, TimeSet
from device_sim.drivers.nidigital.pattern import Cycles, Integers, PinState, States

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Slots:
    """The DUT cycles of one pin, in their order."""

    cycles: Integers
    """The tester cycle of each."""

    places: Integers
    """The number of each in its tester cycle."""

    states: States
    """The state of each in the pattern."""

    on: Floats
    """When each begins to drive, if it does and the one before did not; seconds."""

    data: Floats
    """When the level of each comes."""

    returns: Floats
    """When the level of its format comes."""

    off: Floats
    """When each ceases to drive, if it did and the next one does not."""

    strobes: Floats
    """When each compares."""

    formats: Integers
    """The drive format of each."""

    @property
    def driven(self) -> Flags:
        """Return which of them drive."""
        return np.asarray((self.states == PinState.ZERO) | (self.states == PinState.ONE))


@dataclass(frozen=True, slots=True)
class Drive:
    """What one pin drives."""

    times: Floats
    """The times of its steps."""

    volts: Floats
    """The volts from each of them on."""

    ons: Floats
    """The times at which it begins to drive."""

    offs: Floats
    """The times at which it ceases to drive, each after one of `ons`."""

    highs: Flags
    """Whether each step is that of a 1."""


def begins_of(cycles: Cycles, periods: Sequence[float], at: float) -> Floats:
    """Return the begin of each tester cycle and the end of the last one.

    Args:
        cycles: The cycles.
        periods: The period of each time set of the pattern.
        at: The begin of the first one.
    """
    lengths = np.asarray(periods, np.float64)[cycles.time_sets]
    return np.asarray(at + np.concatenate(([0.0], np.cumsum(lengths))))


def slots_of(
    cycles: Cycles, pin: int, edges: Sequence[Edges], periods: Sequence[float], begins: Floats
) -> Slots:
    """Return the DUT cycles of a pin.

    Args:
        cycles: The cycles of the burst.
        pin: The place of the pin in the pattern.
        edges: The edges of the pin in each time set of the pattern.
        periods: The period of each time set.
        begins: The begin of each cycle.
    """
    states = cycles.states[:, :, pin]
    multipliers = np.array([min(each.multiplier, states.shape[1]) for each in edges])
    count = multipliers[cycles.time_sets]
    cycle, place = np.nonzero(np.arange(states.shape[1]) < count[:, None])
    sets, is_last = cycles.time_sets[cycle], place + 1 == count[cycle]

    def at(first: Sequence[float], second: Sequence[float]) -> Floats:
        chosen = np.where(place == 0, np.array(first)[sets], np.array(second)[sets])
        return np.asarray(begins[cycle] + chosen)

    offs = [
        each.off if each.off > each.data else period
        for each, period in zip(edges, periods, strict=True)
    ]
    data2 = [each.data2 for each in edges]
    off = np.where(is_last, np.array(offs)[sets], np.array(data2)[sets])
    return Slots(
        cycle,
        place,
        states[cycle, place],
        at([each.on for each in edges], data2),
        at([each.data for each in edges], data2),
        at([each.returns for each in edges], [each.returns2 for each in edges]),
        np.asarray(begins[cycle] + off),
        at([each.strobe for each in edges], [each.strobe2 for each in edges]),
        np.array([each.drive_format for each in edges])[sets],
    )


def drive_of(slots: Slots, levels: Levels, drove: PinState) -> Drive:
    """Return what a pin drives.

    Args:
        slots: Its DUT cycles.
        levels: Its levels.
        drove: What it drove before: ZERO, ONE, or X for nothing.
    """
    driven = slots.driven
    before = np.concatenate(([drove is not PinState.X], driven[:-1]))
    high = slots.states == PinState.ONE
    returned = np.select(
        [slots.formats == DriveFormat.RL, slots.formats == DriveFormat.RH],
        [np.zeros_like(high), np.ones_like(high)],
        ~high,
    )
    does_return = slots.formats != DriveFormat.NR
    surrounds = slots.formats == DriveFormat.SBC
    begins = driven & ~before
    # In the order of an edge: a step at the same time as an earlier one wins.
    kinds = [
        (slots.on, np.where(does_return, returned, high), begins | (driven & surrounds)),
        (slots.data, high, driven),
        (slots.returns, returned, driven & does_return),
    ]
    times, highs, exists = (np.stack(each, axis=1).ravel() for each in zip(*kinds, strict=True))
    times, highs = times[exists], highs[exists]
    order = np.argsort(times, kind="stable")
    times, highs = times[order], highs[order]
    is_final = np.append(times[1:] > times[:-1], True) if len(times) else np.zeros(0, bool)
    times, highs = times[is_final], highs[is_final]
    ends = np.concatenate((driven[:-1] & ~driven[1:], [False]))
    offs = slots.off[ends]
    if drove is not PinState.X and not driven[:1].any():
        offs = np.concatenate((slots.on[:1], offs))
    return Drive(times, np.where(highs, levels.vih, levels.vil), slots.on[begins], offs, highs)


def edges_in(time_sets: Mapping[str, TimeSet], names: Sequence[str], channel: str) -> list[Edges]:
    """Return the edges of a channel in each of some time sets."""
    return [time_sets[name].of(channel) for name in names]
