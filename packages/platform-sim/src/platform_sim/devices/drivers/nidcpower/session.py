"""A session of NI-DCPower: channels, the rules of its attributes, and what waits for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from importlib import metadata

from nidcpower.enums import InstrumentMode, MeasureWhen, SourceMode

from platform_sim.devices.attributes import Attribute, AttributeTable, Scope, Value
from platform_sim.devices.call import Call
from platform_sim.devices.channels import ChannelList
from platform_sim.devices.drivers.nidcpower import errors
from platform_sim.devices.drivers.nidcpower.channel import Channel, Phase
from platform_sim.devices.drivers.nidcpower.engine import Record
from platform_sim.devices.drivers.nidcpower.lcr import LcrUnit
from platform_sim.devices.drivers.nidcpower.models import SmuModel
from platform_sim.devices.errors import (
    ATTRIBUTE_NOT_SUPPORTED,
    INVALID_VALUE,
    DriverError,
)
from platform_sim.devices.instrument import InstrumentSession, Surroundings
from platform_sim.devices.models import identity
from platform_sim.devices.options import Options

_AUTORANGED = {
    "voltage_level": ("voltage", "voltage_level_range", "voltage_level_autorange"),
    "voltage_limit": ("voltage", "voltage_limit_range", "voltage_limit_autorange"),
    "current_level": ("current", "current_level_range", "current_level_autorange"),
    "current_limit": ("current", "current_limit_range", "current_limit_autorange"),
}
_RANGE_OF = {range_: (value, auto) for value, (_, range_, auto) in _AUTORANGED.items()}


class DCPowerSession(InstrumentSession):
    """The state of one NI-DCPower session.

    Args:
        table: The driver's attributes.
        features: Attribute patterns by feature, from attributes.toml.
        smu: The model of all instruments in the session.
        channels: The channels in it.
        independent: Whether it was opened with independent channels; else they act as one.
        resource: The resource name that the client gave.
        options: The client's option string.
        surroundings: Clock and bench.
    """

    def __init__(
        self,
        table: AttributeTable,
        features: dict[str, list[str]],
        smu: SmuModel,
        channels: ChannelList,
        *,
        independent: bool,
        resource: str,
        options: Options,
        surroundings: Surroundings,
    ) -> None:
        defaults = {
            **smu.defaults,
            **identity(smu, f"nidcpower {metadata.version('nidcpower')}"),
            "channel_count": len(channels),
            "driver_setup": options.driver_setup,
            "io_resource_descriptor": resource,
            "simulate": True,
        }
        super().__init__(table, channels, options, surroundings, defaults)
        self.model = smu.number
        self.smu = smu
        self.independent = independent
        self._features = features
        self.units = [Channel(self, index) for index in range(len(channels))]
        self.lcr = [LcrUnit(self, unit) for unit in self.units]

    @property
    def sinks(self) -> bool:
        """Whether positive currents flow into the instrument."""
        return "eload" in self.smu.features

    # Attributes.

    def check_supported(self, attribute: Attribute) -> None:
        """Raise DriverError if this model does not have the attribute."""
        for feature, patterns in self._features.items():
            if feature in self.smu.features:
                continue
            if any(fnmatchcase(attribute.name, pattern) for pattern in patterns):
                raise DriverError(
                    ATTRIBUTE_NOT_SUPPORTED,
                    f"Attribute: {attribute.name}\nModel: {self.get('instrument_model')}",
                )

    def compute(self, attribute: Attribute, index: int) -> Value | None:
        """Attributes that follow from others, from the active step, or from the hardware."""
        name = attribute.name
        step = self._active_step(index)
        if step is not None and name in step:
            return step[name]
        if name in _RANGE_OF:
            return self._autorange(name, index)
        stored = attribute.name in self.per_channel[index].changed
        if name == "measure_when" and not stored:
            sequence = self.get("source_mode", index) == SourceMode.SEQUENCE.value
            default = (
                MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
                if sequence
                else (MeasureWhen.ON_DEMAND)
            )
            return int(default.value)
        return self._from_hardware(name, index)

    def _from_hardware(self, name: str, index: int) -> Value | None:
        unit = self.units[index]
        if name == "fetch_backlog":
            unit.advance(self.clock.now())
            return len(unit.engine.records) if unit.engine else 0
        if name == "measure_record_delta_time":
            return unit.aperture()
        if name == "actual_power_allocation":
            disabled = self.table["power_allocation_mode"].choices or {}
            off = self.get("power_allocation_mode", index) == disabled.get("DISABLED")
            return -1.0 if off else float(self.get("requested_power_allocation", index))
        return None

    def _autorange(self, name: str, index: int) -> Value | None:
        value, auto = _RANGE_OF[name]
        if not self.get(auto, index):
            return None
        quantity = _AUTORANGED[value][0]
        chosen = self.smu.range_for(quantity, float(self.get(value, index)))
        return chosen.limit if chosen else None

    def coerce(self, attribute: Attribute, index: int, value: Value) -> Value:
        """Ranges go up to the next one of the model; sequences must exist."""
        name = attribute.name
        quantity = _ranged_quantity(name)
        if quantity:
            chosen = self.smu.range_for(quantity, float(value))
            if chosen is None:
                raise self._refuse(name, value)
            return chosen.limit
        if name == "active_advanced_sequence" and value:
            self.units[index].sequences.get(str(value))
        if name == "merged_channels" and value and "merged_channels" not in self.smu.features:
            raise self._refuse(name, value)
        low, high = self.smu.lcr_frequencies
        if name == "lcr_frequency" and not low <= float(value) <= high:
            raise self._refuse(name, value)
        return value

    @staticmethod
    def _refuse(name: str, value: Value) -> DriverError:
        return DriverError(INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value}")

    def _write(self, attribute: Attribute, indices: Sequence[int], value: Value) -> None:
        """As the base class; what belongs to the active advanced step goes there."""
        outside = []
        for index in indices:
            step = self._active_step(index)
            name = str(self.get("active_advanced_sequence", index)) if step is not None else ""
            if (
                step is not None
                and attribute.name in self.units[index].sequences.get(name).attributes
            ):
                step[attribute.name] = self.coerce(attribute, index, attribute.check(value))
            else:
                outside.append(index)
        super()._write(attribute, outside, value)

    def _active_step(self, index: int) -> dict[str, Value] | None:
        stored = self.per_channel[index].changed
        sequence = self.units[index].sequences.advanced.get(
            str(stored.get("active_advanced_sequence", ""))
        )
        number = int(stored.get("active_advanced_sequence_step", -1))
        if sequence is None:
            return None
        if number < 0:
            return sequence.commit_step
        return sequence.steps[number] if number < len(sequence.steps) else None

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Let running channels take over what was written."""
        if attribute.scope is Scope.CHANNEL:
            now = self.clock.now()
            for index in indices:
                self.units[index].attribute_changed(attribute.name, now)
            self.lock.notify_all()

    # Which channels a call is for.

    def select_for_flow(self, channel_name: str) -> list[int]:
        """Channels of a call of the programming flow; a legacy session takes all or none.

        Raises:
            DriverError: A channel is unknown, or a legacy session was given only some.
        """
        indices = self.select(channel_name)
        if not self.independent and set(indices) != set(range(len(self.channels))):
            raise DriverError(errors.ALL_CHANNELS_ONLY)
        return indices

    def select_one(self, channel_name: str) -> int:
        """The channel of a call that is for one only.

        Raises:
            DriverError: A channel is unknown, or there are several.
        """
        indices = self.select(channel_name)
        if len(indices) != 1:
            raise DriverError(errors.ONE_CHANNEL_ONLY)
        return indices[0]

    # The programming flow.

    def initiate(self, indices: Sequence[int]) -> None:
        """Start channels, all or none."""
        for index in indices:
            self.units[index].commit()
        now = self.clock.now()
        for index in indices:
            self.units[index].initiate(now)

    def abort(self, indices: Sequence[int]) -> None:
        """Stop channels; their outputs stay as they are."""
        for index in indices:
            self.units[index].abort()
        self.lock.notify_all()

    def reset(self, indices: Sequence[int]) -> None:
        """Stop channels, switch their outputs off, give their attributes the defaults."""
        now = self.clock.now()
        self.reset_attributes(indices)
        for index in indices:
            self.units[index].reset(now)
            self.lcr[index].reset()
        self.lock.notify_all()

    def disable(self) -> None:
        """Switch all outputs off."""
        everything = range(len(self.channels))
        self.abort(everything)
        for unit in self.units:
            unit.shut_down(self.clock.now())
        self.set("output_enabled", False)

    def close(self) -> None:
        """Stop the engines; as with real hardware the outputs stay as they are."""
        with self.lock:
            self.abort(range(len(self.channels)))

    # Waiting and measuring.

    def wait_for_event(
        self, indices: Sequence[int], event: int, timeout: float, call: Call
    ) -> None:
        """Wait until all channels have had an event.

        Raises:
            DriverError: They have not within `timeout` seconds.
        """
        units = [self.units[index] for index in indices]

        def poll(now: float) -> float | None:
            again = [unit.advance(now) for unit in units]
            engines = [unit.engine for unit in units]
            if all(engine is not None and engine.has_event(event) for engine in engines):
                return None
            return min(again)

        if not self.wait(call, poll, self.clock.now() + timeout):
            raise DriverError(errors.WAIT_FOR_EVENT_TIMEOUT)
        for unit in units:
            if unit.engine:
                unit.engine.take_event(event)

    def measure(self, indices: Sequence[int], call: Call) -> list[Record]:
        """Measure channels at the same time; takes as long as the longest aperture."""
        begin = self.clock.now()
        ends = [begin + self.units[index].aperture() for index in indices]
        self.sleep(call, max(ends))
        return [
            self.units[index].measure(begin, end) for index, end in zip(indices, ends, strict=True)
        ]

    def fetch(self, index: int, count: int, timeout: float, call: Call) -> list[Record]:
        """Take measurements that the channel's engine made, oldest first.

        A channel that is wired to nothing repeats its last one, as NI's simulation does.

        Raises:
            DriverError: There are not as many within `timeout` seconds.
        """
        unit = self.units[index]
        enough = count if unit.wired else min(count, 1)

        def poll(now: float) -> float | None:
            again = unit.advance(now)
            return None if unit.engine and len(unit.engine.records) >= enough else again

        if not self.wait(call, poll, self.clock.now() + timeout) or unit.engine is None:
            raise DriverError(errors.TIMEOUT)
        records = unit.engine.records
        taken = [records.popleft() for _ in range(min(count, len(records)))]
        return taken + taken[-1:] * (count - len(taken))

    def for_lcr(self, indices: Sequence[int]) -> list[LcrUnit]:
        """The LCR side of channels.

        Raises:
            DriverError: The model has none, or it is not in LCR mode.
        """
        units = [self.lcr[index] for index in indices]
        for index in indices:
            if (
                "lcr" not in self.smu.features
                or self.get("instrument_mode", index) != InstrumentMode.LCR.value
            ):
                raise DriverError(errors.OPERATION_NOT_SUPPORTED)
        return units

    def running(self, index: int) -> bool:
        """Whether the channel has been initiated."""
        return self.units[index].phase is Phase.RUNNING

    def each(self, indices: Sequence[int], action: Callable[[Channel], None]) -> None:
        """Do something on several channels."""
        for index in indices:
            action(self.units[index])


def _ranged_quantity(name: str) -> str | None:
    """The quantity whose ranges an attribute takes its values from."""
    if name.startswith("lcr_") and not name.startswith("lcr_dc_bias_"):
        return None
    for quantity in ("voltage", "current"):
        if name.endswith((f"{quantity}_level_range", f"{quantity}_limit_range")):
            return quantity
    return {"lcr_dc_bias_voltage_range": "voltage", "lcr_dc_bias_current_range": "current"}.get(
        name
    )
