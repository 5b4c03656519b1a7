"""A session of NI-DMM: acquisitions and readings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from importlib import metadata

from nidmm.enums import (
    AcquisitionStatus,
    Function,
    OperationMode,
    SampleTrigger,
    TriggerSource,
)

from device_sim.base.attributes import AttributeTable
from device_sim.base.channels import ChannelList
from device_sim.base.configuration import SessionAttributes
from device_sim.base.instrument import InstrumentSession, Surroundings
from device_sim.base.models import identity
from device_sim.base.options import Options
from device_sim.call import Call
from device_sim.drivers.nidmm import errors
from device_sim.drivers.nidmm.acquisition import Acquisition, Plan, Readings, Waveform
from device_sim.drivers.nidmm.configuration import AUTO, DmmConfiguration
from device_sim.drivers.nidmm.functions import Probe
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


class DmmSession(InstrumentSession):
    """The state of one NI-DMM session.

    Args:
        table: The driver's attributes.
        dmm: The model.
        channels: Its only channel.
        resource: The resource name that the client gave.
        options: The client's option string.
        surroundings: Clock and bench.
    """

    def __init__(
        self,
        table: AttributeTable,
        dmm: DmmModel,
        channels: ChannelList,
        *,
        resource: str,
        options: Options,
        surroundings: Surroundings,
    ) -> None:
        defaults = {
            **identity(dmm, f"nidmm {metadata.version('nidmm')}"),
            "driver_setup": options.driver_setup,
            "io_resource_descriptor": resource,
            "instrument_product_id": dmm.product_id,
        }
        attributes = SessionAttributes(table, channels, defaults, partial(DmmConfiguration, dmm))
        super().__init__(attributes, channels, options, surroundings)
        self.model = dmm.number
        self.dmm = dmm
        (self.configuration,) = attributes.channels
        self._wire = channels.channels[0].qualified
        self.acquisition: Acquisition | None = None
        self._connect(self.clock.now())

    @property
    def wired(self) -> bool:
        """Return whether the bench file connects the multimeter."""
        return self.bench.is_wired(self._wire)

    def configure(self, function: int, range_: float, name: str, resolution_value: float) -> None:
        """Set function, range and resolution (`resolution_digits` or `resolution_absolute`)."""
        self.set("function", function)
        self.set("range", range_)
        self.configuration.auto_range = 0.0
        self.set(name, resolution_value)
        self.set("operation_mode", 0)

    def initiate(self) -> None:
        """Begin the configured acquisition."""
        now = self.clock.now()
        self.timeline.discard(self.acquisition)
        self._connect(now)
        self.acquisition = self._waveform(now) if self._makes_waveforms else self._readings(now)
        self.timeline.add(self.acquisition)

    def abort(self) -> None:
        """End the acquisition and drop the readings that were not fetched."""
        self.timeline.discard(self.acquisition)
        self.acquisition = None
        self.lock.notify_all()

    def reset(self) -> None:
        """End the acquisition and set all attributes to their defaults."""
        self.abort()
        self.attributes.reset()
        self.configuration.auto_range = 0.0
        self._connect(self.clock.now())

    def close(self) -> None:
        """End the acquisition and disconnect from the terminals."""
        with self.lock:
            self.catch_up()
            self.abort()
            self.bench.drive(self._wire, None, self.clock.now())

    def send_trigger(self) -> None:
        """Send a software trigger."""
        if self.acquisition is None:
            raise DriverError(errors.DATA_NOT_AVAILABLE)
        self.acquisition.trigger(self.clock.now())
        self.lock.notify_all()

    def status(self) -> tuple[int, int]:
        """Return the number of readings to fetch, and NI's acquisition status."""
        if self.acquisition is None:
            return 0, int(AcquisitionStatus.NO_ACQUISITION_IN_PROGRESS.value)
        self.acquisition.check()
        return len(self.acquisition.readings), self.acquisition.status

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
            if len(acquisition.readings) >= count or acquisition is not self.acquisition:
                return None
            return None if acquisition.finished else acquisition.due()

        self.wait(call, poll, self.clock.now() + timeout)
        if acquisition is not self.acquisition:
            raise DriverError(errors.DATA_NOT_AVAILABLE)
        if len(acquisition.readings) < count:
            raise DriverError(errors.MAX_TIME_EXCEEDED)
        return [acquisition.readings.popleft() for _ in range(count)]

    def _acquisition_of(self, kind: type[Acquisition]) -> Acquisition:
        if self.acquisition is None:
            raise DriverError(errors.DATA_NOT_AVAILABLE)
        if not isinstance(self.acquisition, kind):
            under_way = type(self.acquisition).__name__.lower()
            raise DriverError(
                errors.DATA_NOT_AVAILABLE,
                f"The current acquisition is of the kind '{under_way}'. Fetch that, or configure "
                f"and initiate one of the kind '{kind.__name__.lower()}'.",
            )
        return self.acquisition

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

    def _waveform(self, now: float) -> Waveform:
        return Waveform(
            int(self.number("waveform_points")),
            1.0 / self.number("waveform_rate"),
            self._sample,
            None if self._waits_for_trigger else now,
            self._delay,
        )

    def _sample(self, times: Sequence[float]) -> list[float]:
        if not self.wired:
            return [self._simulated()] * len(times)
        spacing = 1.0 / self.number("waveform_rate")
        return [self._reading(value, spacing) for value in self._probe().waveform(times)]

    def _readings(self, now: float) -> Readings:
        return Readings(self._plan(), self._acquire, now)

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

    def _connect(self, now: float) -> None:
        if self.wired:
            self.bench.drive(self._wire, self._probe().terminal(), now)

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
        for range_ in self.dmm.ranges[self.configuration.function]:
            self.configuration.auto_range = range_
            self._connect(begin)
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
        accuracy = self.dmm.accuracy(
            self.configuration.function, range_, self.number("resolution_digits")
        )
        converter = self.bench.converter(f"{self._wire} {self.configuration.function}")
        return converter.convert(value, accuracy, aperture)
