"""Measure fetched records: processing steps, scalars, arrays and statistics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from niscope.enums import ArrayMeasurement, ClearableMeasurement, ScalarMeasurement

from device_sim.base.attributes import Value
from device_sim.call import Call
from device_sim.drivers.niscope.measure import arrays
from device_sim.drivers.niscope.measure.arrays import Wave
from device_sim.drivers.niscope.measure.levels import Settings, Volts
from device_sim.drivers.niscope.measure.scalars import Scalars
from device_sim.errors import (
    FUNCTION_NOT_SUPPORTED,
    INVALID_VALUE,
    UNKNOWN_CHANNEL,
    DriverError,
)

if TYPE_CHECKING:
    from device_sim.drivers.niscope.acquisition import Acquisition
    from device_sim.drivers.niscope.session import Excerpt, ScopeSession


@dataclass(slots=True)
class Statistics:
    """The statistics of one measurement on one channel."""

    count: int = 0
    """Number of results."""

    mean: float = 0.0
    """Their mean."""

    least: float = 0.0
    """The smallest one."""

    most: float = 0.0
    """The largest one."""

    _squares: float = 0.0
    _acquisition: Acquisition | None = None
    _records: set[int] = field(default_factory=set)

    @property
    def deviation(self) -> float:
        """Their standard deviation."""
        return math.sqrt(self._squares / self.count) if self.count else 0.0

    def add(self, result: float, record: int, acquisition: Acquisition | None) -> None:
        """Count the result of a record. Each record of an acquisition counts only once."""
        if acquisition is not self._acquisition:
            self._acquisition, self._records = acquisition, set()
        if record in self._records:
            return
        self._records.add(record)
        if not math.isfinite(result):
            return
        self.least = min(self.least, result) if self.count else result
        self.most = max(self.most, result) if self.count else result
        self.count += 1
        distance = result - self.mean
        self.mean += distance / self.count
        self._squares += distance * (result - self.mean)

    def clear(self) -> None:
        """Forget the results, but not which records have been counted."""
        self.count, self.mean, self.least, self.most, self._squares = 0, 0.0, 0.0, 0.0, 0.0


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar measurement on a record, and its statistics so far."""

    result: float
    """The measurement."""

    mean: float
    """The mean of all results."""

    deviation: float
    """The standard deviation of all results."""

    least: float
    """The smallest result."""

    most: float
    """The largest result."""

    count: int
    """The number of results."""


class Results:
    """The measurements of one session.

    Args:
        session: The session with the records.
    """

    def __init__(self, session: ScopeSession) -> None:
        self._session = session
        self._steps: defaultdict[int, list[tuple[int, Settings]]] = defaultdict(list)
        self._statistics: defaultdict[tuple[int, int], Statistics] = defaultdict(Statistics)

    # Processing.

    def add_processing(self, indices: Sequence[int], function: int) -> None:
        """Add a processing step with the present values of the attributes."""
        self.size(function)
        for index in indices:
            self._steps[index].append((function, self._frozen(index)))

    def clear_processing(self, indices: Sequence[int]) -> None:
        """Remove all processing steps of some channels."""
        for index in indices:
            self._steps.pop(index, None)

    def _frozen(self, index: int) -> Settings:
        session = self._session
        names = [attribute.name for attribute in session.table if attribute.name.startswith("meas")]
        return {name: session.get(name, index) for name in names}.__getitem__

    # Measurements.

    def size(self, function: int) -> int:
        """Return the number of values of an array measurement of a record.

        Raises:
            DriverError: There is no such measurement, or the simulation lacks it.
        """
        _check_array(function)
        asked = int(self._session.number("_fetch_meas_num_samples"))
        samples = self._session.configuration.length if asked < 0 else asked
        return arrays.size(function, min(samples, 2**24), lambda name: self._session.get(name))

    def scalars(
        self, indices: Sequence[int], function: int, timeout: float, call: Call
    ) -> list[Scalar]:
        """Measure every wanted record.

        Raises:
            DriverError: There is no such measurement, or no record in time.
        """
        if function not in [each.value for each in ScalarMeasurement]:
            raise DriverError(INVALID_VALUE, f"Scalar measurement: {function}")
        return [
            self._scalar(excerpt, function)
            for excerpt in self._fetch(indices, timeout, call)
            if len(excerpt.volts)
        ]

    def arrays(
        self, indices: Sequence[int], function: int, timeout: float, call: Call
    ) -> list[tuple[Excerpt, Wave]]:
        """Return an array measurement of every wanted record.

        Raises:
            DriverError: The simulation lacks the measurement, or there is no record in time.
        """
        _check_array(function)
        excerpts = self._fetch(indices, timeout, call)
        return [(each, self._array(each, function)) for each in excerpts]

    def clear_statistics(self, indices: Sequence[int], function: int) -> None:
        """Clear the statistics of a measurement, or of all, on some channels."""
        if function not in [each.value for each in ClearableMeasurement]:
            raise DriverError(INVALID_VALUE, f"Clearable measurement: {function}")
        for (index, measured), statistics in self._statistics.items():
            all_of_them = function == ClearableMeasurement.ALL_MEASUREMENTS.value
            if index in indices and (all_of_them or function == measured):
                statistics.clear()

    def _fetch(self, indices: Sequence[int], timeout: float, call: Call) -> list[Excerpt]:
        count = int(self._session.number("_fetch_meas_num_samples"))
        return self._session.fetch(indices, count, timeout, call, goes_on=True)

    def _scalar(self, excerpt: Excerpt, function: int) -> Scalar:
        result = self._measurable(excerpt).measure(function)
        statistics = self._statistics[excerpt.index, function]
        statistics.add(result, excerpt.number, self._session.activity)
        return Scalar(
            result,
            statistics.mean,
            statistics.deviation,
            statistics.least,
            statistics.most,
            statistics.count,
        )

    def _array(self, excerpt: Excerpt, function: int) -> Wave:
        wave = self._wave(excerpt)
        return arrays.apply(function, wave) if len(wave.values) else wave

    def _measurable(self, excerpt: Excerpt) -> Scalars:
        wave = self._wave(excerpt)
        return Scalars(
            wave.values, wave.rate, wave.get, lambda: self._measurable(self._other(excerpt))
        )

    def _wave(self, excerpt: Excerpt) -> Wave:
        """Return a record after all processing steps of its channel."""
        index = excerpt.index

        def get(name: str) -> Value:
            return self._session.get(name, index)

        def other() -> Volts:
            return self._other(excerpt).volts

        wave = Wave(excerpt.volts, excerpt.rate, excerpt.since_trigger, get, other)
        if len(excerpt.volts):
            for function, settings in self._steps.get(index, ()):
                wave = arrays.apply(function, replace(wave, get=settings))
        return replace(wave, get=get)

    def _other(self, excerpt: Excerpt) -> Excerpt:
        """Return the same part of the channel that a measurement compares with, or of the first."""
        session = self._session
        name = str(session.get("meas_other_channel", excerpt.index)) or session.channels.names[0]
        chosen = session.select_enabled(name)
        if len(chosen) != 1:
            raise DriverError(UNKNOWN_CHANNEL, f"Attribute: meas_other_channel\nChannel: {name}")
        return session.same_part(excerpt, chosen[0])


def _check_array(function: int) -> None:
    if function not in [each.value for each in ArrayMeasurement]:
        raise DriverError(INVALID_VALUE, f"Array measurement: {function}")
    if not arrays.has(function):
        name = ArrayMeasurement(function).name
        raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: the array measurement {name}")
