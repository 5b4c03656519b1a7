"""The rules of NI-DCPower's attributes: which models have them, what they coerce to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import metadata

from nidcpower.enums import MeasureWhen, SourceMode

from device_sim.base.attributes import Attribute, AttributeTable, Scope, Value
from device_sim.base.channels import ChannelList
from device_sim.base.instrument import InstrumentSession, Surroundings
from device_sim.base.models import identity
from device_sim.base.options import Options
from device_sim.drivers.nidcpower.channel import Channel
from device_sim.drivers.nidcpower.models import SmuModel
from device_sim.errors import ATTRIBUTE_NOT_SUPPORTED, INVALID_VALUE, DriverError

_AUTORANGED = {
    "voltage_level": ("voltage", "voltage_level_range", "voltage_level_autorange"),
    "voltage_limit": ("voltage", "voltage_limit_range", "voltage_limit_autorange"),
    "current_level": ("current", "current_level_range", "current_level_autorange"),
    "current_limit": ("current", "current_limit_range", "current_limit_autorange"),
}
_RANGE_OF = {range_: (value, auto) for value, (_, range_, auto) in _AUTORANGED.items()}


class ConfiguredChannels(InstrumentSession):
    """Channels of NI-DCPower with their attributes.

    Args:
        table: The driver's attributes.
        smu: The model of all instruments in the session.
        channels: The channels in it.
        resource: The resource name that the client gave.
        options: The client's option string.
        surroundings: Clock and bench.
    """

    def __init__(
        self,
        table: AttributeTable,
        smu: SmuModel,
        channels: ChannelList,
        *,
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
        self.units = [
            Channel(channel, smu, self.bench, partial(self.get, index=index))
            for index, channel in enumerate(channels.channels)
        ]

    def check_supported(self, attribute: Attribute) -> None:
        """Raise DriverError if this model does not have the attribute."""
        if attribute.name in self.smu.lacks:
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
            return unit.backlog or 0
        if name == "measure_record_delta_time":
            return unit.aperture()
        if name == "actual_power_allocation":
            disabled = self.table["power_allocation_mode"].choices or {}
            off = self.get("power_allocation_mode", index) == disabled.get("DISABLED")
            return -1.0 if off else float(self.get("requested_power_allocation", index))
        return None

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Of several channels, the backlog is what can be fetched from each that has more to give.

        So a loop over the channels of a session ends that fetches the backlog of the session.
        """
        if attribute.name == "fetch_backlog":
            backlogs = (self.units[index].backlog for index in indices)
            return min((backlog for backlog in backlogs if backlog is not None), default=0)
        return super().combine(attribute, indices)

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
                self.units[index].attribute_changed(now)
            self.lock.notify_all()


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
