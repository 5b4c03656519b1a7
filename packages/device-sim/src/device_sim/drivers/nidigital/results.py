"""The results of a burst: what passed, what failed, and the record of cycles in the history RAM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from device_sim.drivers.nidigital.pattern import Cycles, Pattern, PinState, States

HISTORY_SAMPLES = 8191
"""Cycles that the history RAM holds."""

Flags = npt.NDArray[np.bool_]


class HistoryTrigger(IntEnum):
    """What starts the history RAM, as in `nidigital.HistoryRAMTriggerType`."""

    FIRST_FAILURE = 2200
    CYCLE_NUMBER = 2201
    PATTERN_LABEL = 2202


class CyclesToAcquire(IntEnum):
    """The cycles that the history RAM keeps, as in `nidigital.HistoryRAMCyclesToAcquire`."""

    FAILED = 2303
    ALL = 2304


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The configuration of the history RAM."""

    trigger: HistoryTrigger = HistoryTrigger.FIRST_FAILURE
    """What starts it."""

    cycle_number: int = 0
    """The cycle that starts it, for CYCLE_NUMBER."""

    label: str = ""
    """The label of the vector that starts it, for PATTERN_LABEL."""

    vector_offset: int = 0
    """Vectors after the label, for PATTERN_LABEL."""

    cycle_offset: int = 0
    """Cycles after that vector is first reached, for PATTERN_LABEL."""

    pretrigger_samples: int = 0
    """Cycles before the trigger that it keeps."""

    cycles_to_acquire: CyclesToAcquire = CyclesToAcquire.FAILED
    """The cycles that it keeps."""

    max_samples: int = HISTORY_SAMPLES
    """The most cycles that it keeps; -1 for no limit."""


@dataclass(frozen=True, slots=True)
class HistoryCycle:
    """One cycle in the history RAM."""

    pattern: str
    """The pattern."""

    time_set: str
    """The time set."""

    vector: int
    """The number of the vector."""

    cycle: int
    """The number of the tester cycle since the begin of the burst."""

    scan_cycle: int
    """The number of the cycle in its scan vector; -1 in other vectors."""

    expected: States
    """The states of the pattern: (DUT cycles, pins)."""

    actual: States
    """L, H or M at the strobe: (DUT cycles, pins)."""

    passed: Flags
    """Whether each comparison passed: (DUT cycles, pins)."""


@dataclass(frozen=True, slots=True)
class SiteResult:
    """What the comparisons of one site found in a burst."""

    pattern: Pattern
    """The pattern."""

    cycles: Cycles
    """The cycles that ran. A DUT cycle that a pin does not have has NOT_A_PIN_STATE."""

    actual: States
    """L, H or M at the strobe of each pin: (cycles, DUT cycles, pins)."""

    failed: Flags
    """Where a comparison failed: (cycles, DUT cycles, pins)."""

    @property
    def passed(self) -> bool:
        """Whether no comparison failed."""
        return not self.failed.any()

    @property
    def fail_counts(self) -> dict[str, int]:
        """The number of comparisons of each pin that failed."""
        counts = self.failed.sum(axis=(0, 1))
        return {pin: int(count) for pin, count in zip(self.pattern.pins, counts, strict=True)}

    def history(self, settings: HistorySettings) -> list[HistoryCycle]:
        """Return the cycles that a history RAM keeps."""
        trigger = self._trigger(settings)
        if trigger is None:
            return []
        places = np.arange(max(trigger - settings.pretrigger_samples, 0), len(self.failed))
        if settings.cycles_to_acquire is CyclesToAcquire.FAILED:
            places = places[self._failed_cycles[places]]
        most = settings.max_samples if settings.max_samples >= 0 else HISTORY_SAMPLES
        return [self._cycle(place) for place in places[:most]]

    @property
    def _failed_cycles(self) -> Flags:
        return np.asarray(self.failed.any(axis=(1, 2)))

    def _trigger(self, settings: HistorySettings) -> int | None:
        """Return the cycle that starts the history RAM, None if none does."""
        if settings.trigger is HistoryTrigger.CYCLE_NUMBER:
            found = np.array([settings.cycle_number])
        elif settings.trigger is HistoryTrigger.PATTERN_LABEL:
            label = self.pattern.labels.get(settings.label)
            if label is None:
                return None
            vector = label + settings.vector_offset
            found = np.flatnonzero(self.cycles.vectors == vector)[:1] + settings.cycle_offset
        else:
            found = np.flatnonzero(self._failed_cycles)
        return int(found[0]) if len(found) and found[0] < len(self.failed) else None

    def _cycle(self, place: int) -> HistoryCycle:
        cycles = self.cycles
        ran = (cycles.states[place] != PinState.NOT_A_PIN_STATE).any(axis=1)
        return HistoryCycle(
            self.pattern.name,
            self.pattern.time_sets[cycles.time_sets[place]],
            int(cycles.vectors[place]),
            int(place),
            int(cycles.scan_cycles[place]),
            cycles.states[place][ran],
            self.actual[place][ran],
            ~self.failed[place][ran],
        )
