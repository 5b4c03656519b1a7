"""A session of NI-DMM: acquisitions and readings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nidmm.enums import (
    AcquisitionStatus,
    Function,
    OperationMode,
    SampleTrigger,
    TriggerSource,
)

from device_sim.base.acquiring import AcquiringSession
from device_sim.base.attributes import Attribute
from device_sim.base.instrument import Opening
from device_sim.base.overview import ChannelState, Quantity
from device_sim.bench import Grid
from device_sim.call import Call
from device_sim.drivers.nidmm.acquisition import Acquisition, Plan, Readings, Wait, Waveform
from device_sim.drivers.nidmm.configuration import AUTO, DmmConfiguration
from device_sim.drivers.nidmm.errors import ERRORS
from device_sim.drivers.nidmm.functions import UNITS, Probe
from device_sim.drivers.nidmm.models import DmmModel
from device_sim.errors import DriverError

_AUTO_TIMEOUT = 10.0
_OVERLOAD = 1.05  # A signal above this fraction of the range overloads it.
_SIMULATED_FRACTION = 0.5  # Reading of a multimeter without wiring, as a fraction of its range.
_SIMULATED = {
    Function.TEMPERATURE.value: 25.0,
    Function.FREQ.value: 1000.0,
    Function.PERIOD.value: 0.001,
}


class DmmSession(AcquiringSession[Acquisition]):
    """The state of one NI-DMM session."""

    configuration_class = DmmConfiguration
    configuration: DmmConfiguration
    model: DmmModel

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        (self.configuration,) = self.attributes.channels
        self._wire = self.channels.channels[0].qualified
        self.connect(self.now)

    @property
    def wired(self) -> bool:
        """Return whether the bench file connects the multimeter."""
        return self.bench.is_wired(self._wire)

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Forget the last choice of automatic ranging when function or range change."""
        if attribute.name in ("function", "range"):
            self.configuration.auto_range = 0.0

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """End the acquisition and set all attributes to their defaults."""
        self.configuration.auto_range = 0.0
        super().reset(indices)

    def describe(self, index: int) -> ChannelState:
        """Return the range and the aperture."""
        unit = UNITS[self.configuration.function]
        name = Function(self.configuration.function).name.lower().replace("_", " ")
        return ChannelState(
            setpoints=(
                Quantity(f"range of {name}", self.configuration.range_in_use(), unit),
                Quantity("aperture", self.configuration.aperture(), "s"),
            )
        )

    def connect(self, now: float) -> None:
        """Connect the terminals as the measurement function needs it."""
        if self.wired:
            self.bench.drive(self._wire, self._probe().terminal(), now)

    def disconnect(self, now: float) -> None:
        """Take the terminals off the bench."""
        self.bench.drive(self._wire, None, now)

    def send_trigger(self) -> None:
        """Send a software trigger."""
        if self.activity is None:
            raise DriverError(ERRORS.DATA_NOT_AVAILABLE)
        if not self.loses_trigger(self.now):
            self.activity.send(Wait.TRIGGER, self.now)
        self.lock.notify_all()

    def status(self) -> tuple[int, int]:
        """Return the number of readings to fetch, and NI's acquisition status."""
        if self.activity is None:
            return 0, int(AcquisitionStatus.NO_ACQUISITION_IN_PROGRESS.value)
        self.activity.check()
        return len(self.activity.readings), self.activity.status

    def fetch(self, count: int, maximum_time: int, call: Call) -> list[float]:
        """Return the oldest readings and remove them.

        Args:
            count: Number of readings.
            maximum_time: Time to wait for them in milliseconds. With -1 the driver decides.
            call: The waiting call.

        Raises:
            DriverError: There is no acquisition, or it had fewer readings in time.
        """
        acquisition = self._acquisition_of(Readings)
        each = self.configuration.aperture() + max(self.number("sample_interval"), 0.0)
        return self._take(acquisition, count, self._timeout(maximum_time, count * each), call)

    def fetch_waveform(self, count: int, maximum_time: int, call: Call) -> list[float]:
        """Return the oldest points of a waveform. Arguments and errors are those of `fetch`."""
        acquisition = self._acquisition_of(Waveform)
        seconds = count / self.number("waveform_rate")
        return self._take(acquisition, count, self._timeout(maximum_time, seconds), call)

    def _take(
        self, acquisition: Acquisition, count: int, timeout: float, call: Call
    ) -> list[float]:
        def poll(now: float) -> float | None:
            acquisition.check()
            if len(acquisition.readings) >= count or acquisition is not self.activity:
                return None
            return None if acquisition.finished else acquisition.due()

        self.wait(call, poll, self.now + timeout)
        if acquisition is not self.activity:
            raise DriverError(ERRORS.DATA_NOT_AVAILABLE)
        if len(acquisition.readings) < count:
            raise DriverError(ERRORS.MAX_TIME_EXCEEDED)
        return [acquisition.readings.popleft() for _ in range(count)]

    def _acquisition_of(self, kind: type[Acquisition]) -> Acquisition:
        if self.activity is None:
            raise DriverError(ERRORS.DATA_NOT_AVAILABLE)
        if not isinstance(self.activity, kind):
            under_way = type(self.activity).__name__.lower()
            raise DriverError(
                ERRORS.DATA_NOT_AVAILABLE,
                f"The current acquisition is of the kind '{under_way}'. Fetch that, or configure "
                f"and initiate one of the kind '{kind.__name__.lower()}'.",
            )
        return self.activity

    @staticmethod
    def _timeout(maximum_time: int, seconds: float) -> float:
        return _AUTO_TIMEOUT + seconds if maximum_time == AUTO else maximum_time / 1000.0

    @property
    def _makes_waveforms(self) -> bool:
        return bool(self.get("operation_mode") == OperationMode.WAVEFORM.value)

    @property
    def _waits_for_trigger(self) -> bool:
        # Without configuration a simulated multimeter triggers itself, as NI's does.
        return self.wired and self.get("trigger_source") != TriggerSource.IMMEDIATE.value

    @property
    def _delay(self) -> float:
        """Return the seconds from a trigger to the aperture."""
        return max(self.number("trigger_delay"), 0.0) + max(self.number("settle_time"), 0.0)

    def make_activity(self, now: float) -> Acquisition:
        """Return the configured acquisition."""
        if not self._makes_waveforms:
            return Readings(self._plan(), self._acquire, now)
        return Waveform(
            int(self.number("waveform_points")),
            1.0 / self.number("waveform_rate"),
            self._sample,
            now,
            waits_for_trigger=self._waits_for_trigger,
            delay=self._delay,
        )

    def _sample(self, grid: Grid) -> list[float]:
        if not self.wired:
            return [self._simulated()] * grid.count
        spacing = 1.0 / self.number("waveform_rate")
        return [self._reading(value, spacing) for value in self._probe().waveform(grid)]

    def _plan(self) -> Plan:
        sample = self.get("sample_trigger")
        own = (SampleTrigger.IMMEDIATE.value, SampleTrigger.INTERVAL.value)
        samples = self.number("sample_count")
        return Plan(
            triggers=self.number("trigger_count") or math.inf,
            samples=samples or math.inf,
            waits_for_trigger=self._waits_for_trigger,
            waits_for_sample=self.wired and sample not in own,
            delay=self._delay,
            aperture=self.configuration.aperture(),
            interval=(
                max(self.number("sample_interval"), 0.0)
                if sample == SampleTrigger.INTERVAL.value
                else 0.0
            ),
        )

    # Readings.

    def _probe(self) -> Probe:
        get, function = self.configuration.get, self.configuration.function
        return Probe(self.bench, self._wire, get, function, self.configuration.range_in_use())

    def _acquire(self, begin: float, end: float) -> float:
        if not self.wired:
            return self._simulated()
        if self.number("range") in (-1.0, -3.0):
            self._choose_range(begin, end)
        return self._reading(self._probe().read(begin, end), end - begin)

    def _simulated(self) -> float:
        if self.bench.faults.is_over_range(self.channels.channels[0].device):
            return math.nan
        return _SIMULATED.get(
            self.configuration.function, _SIMULATED_FRACTION * self.configuration.range_in_use()
        )

    def _choose_range(self, begin: float, end: float) -> None:
        """Try larger ranges until one holds the signal."""
        for range_ in self.model.ranges[self.configuration.function]:
            self.configuration.auto_range = range_
            self.connect(begin)
            value = self._probe().read(begin, end)
            if not math.isnan(value) and abs(value) <= range_:
                return

    def _reading(self, value: float, aperture: float) -> float:
        range_ = self.configuration.range_in_use()
        overloaded = abs(value) > _OVERLOAD * range_
        if overloaded or self.bench.faults.is_over_range(self.channels.channels[0].device):
            return math.nan
        if math.isnan(value):
            return value
        accuracy = self.model.accuracy(
            self.configuration.function, range_, self.number("resolution_digits")
        )
        converter = self.bench.converter(f"{self._wire} {self.configuration.function}")
        return converter.convert(value, accuracy, aperture)
