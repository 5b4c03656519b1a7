"""A burst of a session: the wait for its start, its run on the bench, and its results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

from device_sim.base.script import Activity, Script
from device_sim.bench import Bench
from device_sim.drivers.nidigital.burst import Burst, Pins
from device_sim.drivers.nidigital.files.digipat import PatternFile
from device_sim.drivers.nidigital.levels import TimeSet
from device_sim.drivers.nidigital.pattern import Opcode, Pattern, PinState
from device_sim.drivers.nidigital.pins import key
from device_sim.drivers.nidigital.results import HistoryCycle, HistorySettings, SiteResult
from device_sim.errors import FUNCTION_NOT_SUPPORTED, INVALID_VALUE, DriverError


class Wait(Enum):
    """The triggers of a burst."""

    START = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a burst does."""

    file: PatternFile
    """The pattern."""

    first: int
    """The vector with which it begins."""

    pins: Mapping[int, Pins]
    """The wired pins of each site, in the order of the pattern's pins; see Burst."""

    time_sets: Mapping[str, TimeSet]
    """The time sets by name."""

    history: HistorySettings
    """The configuration of the history RAM."""

    waits_for_start: bool
    """Whether it waits for the start trigger."""

    @property
    def sites(self) -> list[int]:
        """The sites."""
        return list(self.pins)

    @property
    def is_wired(self) -> bool:
        """Whether the bench file connects a pin."""
        return any(pin is not None for pins in self.pins.values() for pin in pins)

    def check(self) -> None:
        """Raise DriverError if the pattern has what a bench does not run."""
        pattern = self.file.pattern
        for vector, each in pattern.instructions.items():
            if each.opcode is Opcode.OTHER:
                raise _not_simulated(each.name, pattern, vector)
        for state in (PinState.D, PinState.E):
            found = (pattern.states == state).any(axis=(1, 2))
            if found.any():
                raise _not_simulated(f"the state {state.name}", pattern, int(found.argmax()))
        missing = [name for name in pattern.time_sets if name not in self.time_sets]
        if missing:
            raise DriverError(INVALID_VALUE, f"The session has no time set {missing[0]}.")


class BenchBurst(Activity):
    """A burst on the timeline of the bench. It may wait for its start trigger.

    Args:
        plan: What it does. It is checked.
        bench: The bench.
        now: The time of its initiate.
        tell_start: Called with the time of its start.

    Raises:
        DriverError: The pattern has too many cycles.
    """

    def __init__(
        self, plan: Plan, bench: Bench, now: float, tell_start: Callable[[float], None]
    ) -> None:
        super().__init__(now)
        self.plan = plan
        self._bench = bench
        self._tell_start = tell_start
        self._burst: Burst | None = None
        if plan.waits_for_start:
            _check_cycles(plan)
            self.begin(self._wait_and_start())
        else:
            self._start(now)

    def _wait_and_start(self) -> Script:
        self._start((yield Wait.START))

    def _start(self, at: float) -> None:
        plan = self.plan
        try:
            self._burst = Burst(
                self._bench, plan.file.pattern, plan.first, plan.pins, plan.time_sets, at
            )
        except ValueError as error:
            raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: {error}") from None
        self._bench.timeline.add(self._burst)
        self._tell_start(at)

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._burst.is_done if self._burst is not None else self.finished

    def next_look(self) -> float:
        """Return when to look again whether it has ended."""
        return self._burst.due() if self._burst is not None else math.inf

    def end(self, at: float) -> None:
        """End it before its time, and take it off the timeline."""
        self.stop()
        self._bench.timeline.discard(self)
        if self._burst is not None:
            self._burst.stop(at)
            self._bench.timeline.discard(self._burst)

    def check_run(self) -> None:
        """Raise the error that ended it, if one did."""
        self.check()
        if self._burst is not None:
            self._burst.check()

    # Results.

    def result(self, site: int) -> SiteResult | None:
        """Return the results of a site, None before the start."""
        return self._burst.results.get(site) if self._burst is not None else None

    def fail_count(self, pin: str, site: int) -> int:
        """Return the failed comparisons of a pin."""
        return self._fail_counts.get((key(pin), site), 0) if self.is_done else 0

    @cached_property
    def _fail_counts(self) -> dict[tuple[str, int], int]:
        found = self._burst.results if self._burst is not None else {}
        return {
            (key(pin), site): count
            for site, result in found.items()
            for pin, count in result.fail_counts.items()
        }

    def history(self, site: int) -> Sequence[HistoryCycle]:
        """Return the cycles in the history RAM of a site."""
        return self._histories.get(site, ()) if self.is_done else ()

    @cached_property
    def _histories(self) -> dict[int, list[HistoryCycle]]:
        found = self._burst.results if self._burst is not None else {}
        return {site: result.history(self.plan.history) for site, result in found.items()}


def _not_simulated(what: str, pattern: Pattern, vector: int) -> DriverError:
    return DriverError(
        FUNCTION_NOT_SUPPORTED,
        f"Not simulated: {what}, in vector {vector} of the pattern {pattern.name}. On a bench, "
        "vectors run that drive and compare, with repeat, set_loop, end_loop, scan and halt.",
    )


def _check_cycles(plan: Plan) -> None:
    try:
        plan.file.pattern.cycles(plan.first)
    except ValueError as error:
        raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: {error}") from None
