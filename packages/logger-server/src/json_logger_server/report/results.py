"""What passed and what failed: by unit under test, by limit, by site and by station."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

STATUSES = ("passed", "failed", "aborted", "error")
"""The results of a record, from the best to the worst."""


class Bounds(NamedTuple):
    """Limits of a value. None is no limit."""

    low: float | None = None
    high: float | None = None
    nominal: float | None = None

    def allow(self, value: float | None) -> bool:
        """Return whether a value is within the limits. NaN and a missing value are not."""
        if value is None or math.isnan(value):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def bounds_of(limits: Any) -> Bounds | None:
    """Return the limits that a record has; None if they limit nothing. A log is not checked."""
    if not isinstance(limits, Mapping):
        return None
    found = Bounds(*(_finite(limits.get(name)) for name in ("low", "high", "nominal")))
    return None if found.low is None and found.high is None else found


def _finite(value: Any) -> float | None:
    """Return a finite number; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


@dataclass(slots=True)
class Count:
    """How many of some things passed."""

    passed: int = 0
    total: int = 0

    def add(self, passed: bool) -> None:
        """Count one."""
        self.passed += passed
        self.total += 1

    @property
    def failed(self) -> int:
        """Number of those that did not pass."""
        return self.total - self.passed

    @property
    def share(self) -> float | None:
        """Part of those that passed, from 0 to 1; None if there are none."""
        return self.passed / self.total if self.total else None


class Limit(NamedTuple):
    """An output of a measurement that has limits, in one step."""

    measurement: str
    step: str
    output: str
    unit: str


@dataclass(slots=True)
class LimitResults:
    """The values of one output that were compared with limits."""

    count: Count = field(default_factory=Count)
    bounds: Counter[Bounds] = field(default_factory=Counter)
    """The limits, with the number of values."""


class Judgement(NamedTuple):
    """The result of a record, and where it comes from."""

    status: str
    limits_failed: bool
    """Whether a value was outside its limits."""


@dataclass(slots=True)
class Results:
    """The results of a log."""

    records: Counter[str] = field(default_factory=Counter)
    """Number of records by status; those without a result are not counted."""
    uuts: dict[str, dict[str, str]] = field(default_factory=dict)
    """For each unit under test, the worst status of each execution, in the order of the log."""
    limits: defaultdict[Limit, LimitResults] = field(
        default_factory=lambda: defaultdict(LimitResults)
    )
    others: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Records that did not pass although no value was outside its limits: by measurement, step and
    status."""
    sites: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    """The results of each site in each record with limits."""
    stations: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    """The records with a result, by station."""

    @property
    def is_empty(self) -> bool:
        """Whether no record has a result."""
        return not self.records

    def note_unit(self, serial: str, execution: str, status: str) -> None:
        """Note a result of a unit under test. An execution is as bad as its worst record."""
        runs = self.uuts.setdefault(serial, {})
        runs[execution] = worst((status, runs.get(execution, status)))

    def first_pass(self) -> Count:
        """Count the units that passed in their first execution."""
        return self._units(0)

    def final(self) -> Count:
        """Count the units that passed in their last execution."""
        return self._units(-1)

    def failures(self) -> Iterator[tuple[Limit, LimitResults]]:
        """Yield the limits that values failed, the most frequent failure first."""
        failed = ((limit, found) for limit, found in self.limits.items() if found.count.failed)
        yield from sorted(failed, key=lambda one: (-one[1].count.failed, one[0]))

    def _units(self, run: int) -> Count:
        count = Count()
        for runs in self.uuts.values():
            count.add([*runs.values()][run] == "passed")
        return count


def worst(statuses: Iterable[str]) -> str:
    """Return the worst of some results."""
    return max(statuses, key=STATUSES.index)


def judgement(status: Any, passed: Iterable[bool]) -> Judgement | None:
    """Return the result of a record.

    Args:
        status: What the record says.
        passed: For each value with limits, whether it is within them.

    Returns:
        The record's own status, otherwise the result of its limits; None without both.
    """
    checks = list(passed)
    failed = not all(checks)
    if status in STATUSES:
        return Judgement(status, failed)
    if checks:
        return Judgement("failed" if failed else "passed", failed)
    return None
