"""A session of NI-DMM: configuration, acquisition, readings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import metadata

from nidmm.enums import AcquisitionStatus, ApertureTimeUnits, Function, SampleTrigger, TriggerSource

from platform_sim.devices.attributes import Attribute, AttributeTable, Value
from platform_sim.devices.call import Call
from platform_sim.devices.channels import ChannelList
from platform_sim.devices.drivers.nidmm import errors
from platform_sim.devices.drivers.nidmm.acquisition import Acquisition, Plan
from platform_sim.devices.drivers.nidmm.functions import Probe
from platform_sim.devices.drivers.nidmm.models import DmmModel, resolution
from platform_sim.devices.errors import INVALID_VALUE, DriverError
from platform_sim.devices.instrument import InstrumentSession, Surroundings
from platform_sim.devices.models import identity
from platform_sim.devices.options import Options

_AUTO = -1
_AUTO_RANGES = frozenset({-1.0, -2.0, -3.0})  # On, off (keep the last), once.
_AUTO_TIMEOUT = 10.0
_OVERLOAD = 1.05  # Part of the range from which a signal overloads it.
_SIMULATED_FRACTION = 0.5  # What a multimeter that is wired to nothing reads of its range.
_SIMULATED = {
    Function.TEMPERATURE.value: 25.0,
    Function.FREQ.value: 1000.0,
    Function.PERIOD.value: 0.001,
}
_DIGITS = (3.5, 4.5, 5.5, 6.5, 7.5)
_LARGEST_RATE = 1800000


class DmmSession(InstrumentSession):
    """The state of one NI-DMM session.

    Args:
        table: The driver's attributes.
        dmm: The model.
        channels: Its one channel.
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
        super().__init__(table, channels, options, surroundings, defaults)
        self.model = dmm.number
        self.dmm = dmm
        self.wire = channels.channels[0].qualified
        self.acquisition: Acquisition | None = None
        self._auto_range = 0.0
        self._connect(self.clock.now())

    @property
    def wired(self) -> bool:
        """Whether the bench says what the multimeter is connected to."""
        return self.bench.is_wired(self.wire)

    @property
    def function(self) -> int:
        """The measurement function."""
        return int(self.get("function"))

    # Attributes.

    def compute(self, attribute: Attribute, index: int) -> Value | None:
        """Attributes that follow from others."""
        name = attribute.name
        if name == "resolution_absolute":
            return resolution(self.range_in_use(), self.number("resolution_digits"))
        if name == "auto_range_value":
            return self.range_in_use()
        if name == "range" and "range" in self.own.changed:
            return self._range_of_function(float(self.own.changed["range"]))
        if name == "freq_voltage_auto_range":
            chosen = self.number("freq_voltage_range")
            return chosen if chosen > 0 else self.dmm.ranges[Function.DC_VOLTS.value][-1]
        return None

    def _range_of_function(self, stored: float) -> float:
        """A range that the present function does not have becomes its next one."""
        if stored in _AUTO_RANGES:
            return stored
        return self.dmm.range_for(self.function, stored) or self.dmm.ranges[self.function][-1]

    def coerce(self, attribute: Attribute, index: int, value: Value) -> Value:
        """Ranges, digits and rates go to the next that the hardware has."""
        name = attribute.name
        if name == "range" and value not in _AUTO_RANGES:
            return self._require(self.dmm.range_for(self.function, float(value)), name, value)
        if name == "function" and value not in self.dmm.ranges:
            raise _refuse(name, value)
        if name == "resolution_digits":
            finer = next((d for d in _DIGITS if d >= float(value)), None)
            fits = finer is not None and finer <= self.dmm.largest_digits
            return self._require(finer if fits else None, name, value)
        if name == "waveform_rate":
            return _LARGEST_RATE / max(1, round(_LARGEST_RATE / float(value)))
        return value

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """A resolution given in units becomes digits."""
        if attribute.name == "resolution_absolute":
            asked = float(self.own.changed.pop("resolution_absolute"))
            if asked <= 0:
                raise _refuse(attribute.name, asked)
            digits = math.log10(self.range_in_use() / (2.0 * asked))
            finer = next((d for d in _DIGITS if math.floor(d) >= digits - 1e-9), math.inf)
            self.set("resolution_digits", min(finer, self.dmm.largest_digits))

    @staticmethod
    def _require(chosen: float | None, name: str, asked: Value) -> float:
        if chosen is None or float(asked) < 0:
            raise _refuse(name, asked)
        return chosen

    def range_in_use(self) -> float:
        """The range; with automatic ranging the one last chosen, at first the largest."""
        chosen = self.number("range")
        if chosen not in _AUTO_RANGES:
            return chosen
        return self._auto_range or self.dmm.ranges[self.function][-1]

    def configure(self, function: int, range_: float, name: str, resolution_value: float) -> None:
        """Set function, range and resolution (`resolution_digits` or `resolution_absolute`)."""
        self.set("function", function)
        self.set("range", range_)
        self._auto_range = 0.0
        self.set(name, resolution_value)
        self.set("operation_mode", 0)

    def aperture(self) -> float:
        """Seconds that a sample is averaged over."""
        aperture = self.number("aperture_time")
        if aperture == _AUTO:
            digits = self.number("resolution_digits")
            return self.dmm.apertures.get(digits, max(self.dmm.apertures.values()))
        if self.get("aperture_time_units") == ApertureTimeUnits.POWER_LINE_CYCLES.value:
            aperture /= self.number("powerline_freq")
        return aperture * self.number("number_of_averages")

    # Acquisition.

    def initiate(self) -> None:
        """Begin the acquisition that is configured."""
        now = self.clock.now()
        self._connect(now)
        self.acquisition = Acquisition(self._plan(), self._acquire, now)
        self.acquisition.advance(now)

    def abort(self) -> None:
        """End the acquisition and forget what was not fetched."""
        self.acquisition = None
        self.lock.notify_all()

    def reset(self) -> None:
        """End the acquisition and give all attributes their defaults."""
        self.abort()
        self.reset_attributes()
        self._auto_range = 0.0
        self._connect(self.clock.now())

    def close(self) -> None:
        """End the acquisition and let go of the terminals."""
        with self.lock:
            self.abort()
            self.bench.drive(self.wire, None, self.clock.now())

    def send_trigger(self) -> None:
        """Have a software trigger arrive."""
        now = self.clock.now()
        if self.acquisition is None:
            raise DriverError(errors.DATA_NOT_AVAILABLE)
        self.acquisition.advance(now)
        self.acquisition.trigger(now)
        self.acquisition.advance(now)
        self.lock.notify_all()

    def status(self) -> tuple[int, int]:
        """How many readings wait to be fetched, and NI's acquisition status."""
        if self.acquisition is None:
            return 0, int(AcquisitionStatus.NO_ACQUISITION_IN_PROGRESS.value)
        self.acquisition.advance(self.clock.now())
        return len(self.acquisition.readings), self.acquisition.status

    def fetch(self, count: int, maximum_time: int, call: Call) -> list[float]:
        """Take the oldest readings.

        Args:
            count: How many.
            maximum_time: How long to wait for them, in milliseconds; -1 leaves it to the driver.
            call: Who waits.

        Raises:
            DriverError: There is no acquisition, or not as many readings in time.
        """
        acquisition = self._running()

        def poll(now: float) -> float | None:
            again = acquisition.advance(now, count)
            if len(acquisition.readings) >= count or acquisition is not self.acquisition:
                return None
            return None if acquisition.finished else again

        self.wait(call, poll, self.clock.now() + self._timeout(maximum_time, count))
        self._running()
        if len(acquisition.readings) < count:
            raise DriverError(errors.MAX_TIME_EXCEEDED)
        return [acquisition.readings.popleft() for _ in range(count)]

    def fetch_waveform(self, count: int, maximum_time: int, call: Call) -> list[float]:
        """Take points of a waveform, from its begin.

        Raises:
            DriverError: There is no acquisition, or more points are asked for than configured.
        """
        self._running()
        if count > self.number("waveform_points"):
            raise DriverError(errors.MAX_TIME_EXCEEDED)
        spacing = 1.0 / self.number("waveform_rate")
        begin = self.clock.now()
        end = begin + count * spacing
        if end > begin + self._timeout(maximum_time, count):
            raise DriverError(errors.MAX_TIME_EXCEEDED)
        self.sleep(call, end)
        if not self.wired:
            return [self._simulated()] * count
        probe = self._probe()
        values = probe.waveform([begin + index * spacing for index in range(count)])
        return [self._reading(value, spacing) for value in values]

    def _running(self) -> Acquisition:
        if self.acquisition is None:
            raise DriverError(errors.DATA_NOT_AVAILABLE)
        return self.acquisition

    def _timeout(self, maximum_time: int, count: int) -> float:
        if maximum_time != _AUTO:
            return maximum_time / 1000.0
        return _AUTO_TIMEOUT + count * (self.aperture() + max(self.number("sample_interval"), 0.0))

    def _plan(self) -> Plan:
        # On its own a simulated multimeter triggers itself, as NI's does.
        triggered = self.wired and self.get("trigger_source") != TriggerSource.IMMEDIATE.value
        sample = self.get("sample_trigger")
        own = (SampleTrigger.IMMEDIATE.value, SampleTrigger.INTERVAL.value)
        samples = self.number("sample_count")
        return Plan(
            triggers=self.number("trigger_count") or math.inf,
            samples=samples or math.inf,
            waits_for_trigger=triggered,
            waits_for_sample=self.wired and sample not in own,
            delay=max(self.number("trigger_delay"), 0.0) + max(self.number("settle_time"), 0.0),
            aperture=self.aperture(),
            interval=(
                max(self.number("sample_interval"), 0.0)
                if sample == SampleTrigger.INTERVAL.value
                else 0.0
            ),
        )

    # Readings.

    def _probe(self) -> Probe:
        return Probe(self.bench, self.wire, self.get, self.function, self.range_in_use())

    def _connect(self, now: float) -> None:
        if self.wired:
            self.bench.drive(self.wire, self._probe().terminal(), now)

    def _acquire(self, begin: float, end: float) -> float:
        if not self.wired:
            return self._simulated()
        if self.number("range") in (-1.0, -3.0):
            self._choose_range(begin, end)
        return self._reading(self._probe().read(begin, end), end - begin)

    def _simulated(self) -> float:
        if self.bench.faults.is_over_range(self.channels.channels[0].device):
            return math.nan
        return _SIMULATED.get(self.function, _SIMULATED_FRACTION * self.range_in_use())

    def _choose_range(self, begin: float, end: float) -> None:
        """Go up through the ranges until one holds the signal."""
        for range_ in self.dmm.ranges[self.function]:
            self._auto_range = range_
            self._connect(begin)
            value = self._probe().read(begin, end)
            if not math.isnan(value) and abs(value) <= range_:
                return

    def _reading(self, value: float, aperture: float) -> float:
        range_ = self.range_in_use()
        overloaded = abs(value) > _OVERLOAD * range_
        if overloaded or self.bench.faults.is_over_range(self.channels.channels[0].device):
            return math.nan
        if math.isnan(value):
            return value
        accuracy = self.dmm.accuracy(self.function, range_, self.number("resolution_digits"))
        converter = self.bench.converter(f"{self.wire} {self.function}")
        return converter.convert(value, accuracy, aperture)


def _refuse(name: str, value: Value) -> DriverError:
    return DriverError(INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value}")
