"""The calls that add channels to a task, by the rows in `calls.toml`.

A row `create.RPC` has the kind of the channels, `values` (properties by name) and `fields` (the
property of each field of the request).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from nidaqmx.constants import LineGrouping, TerminalConfiguration

from device_sim.base.service import Method
from device_sim.base.wire import enum_value, field_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.attributes import Attributes, AttributeTable
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.counter_lines import connect
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.names import flatten, name_channels
from device_sim.drivers.nidaqmx.ranges import limit
from device_sim.drivers.nidaqmx.system import PhysicalChannel
from device_sim.drivers.nidaqmx.task import Task
from device_sim.errors import DriverError

_DEFAULT = TerminalConfiguration.DEFAULT.value
_CONFIGURATIONS = (
    (4, TerminalConfiguration.DIFF.value),
    (1, TerminalConfiguration.RSE.value),
    (2, TerminalConfiguration.NRSE.value),
    (8, TerminalConfiguration.PSEUDO_DIFF.value),
)
"""The bits of terminal configurations, the one first that a device takes by default."""


class CreateCalls:
    """Serve the calls that add channels.

    Args:
        rows: The tables `create` of `calls.toml`.
        table: The properties.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, Any]], table: AttributeTable) -> None:
        self._rows = rows
        self._table = table

    def find(self, descriptor: Any) -> Method | None:
        """Return the method that serves a call, None if it adds no channels."""
        row = self._rows.get(descriptor.name)
        if row is None:
            return None
        is_digital = row["kind"] in ("DI", "DO")
        return partial(self._add_lines if is_digital else self._add_channels, row)

    def _add_channels(self, row: Mapping[str, Any], task: Task, request: Any, call: Call) -> None:
        """Add a channel for each physical channel that the client names."""
        task.require_stopped()
        kind = row["kind"]
        found = task.hardware.system.expand(field_value(request, row["physical"]), kind)
        names = name_channels(request.name_to_assign_to_channel, [each.name for each in found])
        made = [
            self._channel(row, task, name, physical, request)
            for name, physical in zip(names, found, strict=True)
        ]
        for channel in made:
            task.add(channel)

    def _channel(
        self, row: Mapping[str, Any], task: Task, name: str, physical: PhysicalChannel, request: Any
    ) -> Channel:
        kind = row["kind"]
        attributes = self.attributes_of(row, (physical,))
        for field, attribute in row.get("fields", {}).items():
            known = self._table.named("Channel", attribute)
            attributes[attribute] = known.check(
                _configuration(field_value(request, field), physical)
                if attribute.endswith("_TERM_CFG")
                else field_value(request, field)
            )
        channel = Channel(name, kind, (physical,), attributes, scales=task.hardware.scales)
        if kind in ("AI", "AO"):
            limit(channel)
        elif kind in ("CI", "CO"):
            connect(channel)
        return channel

    def _add_lines(self, row: Mapping[str, Any], task: Task, request: Any, call: Call) -> None:
        """Add one channel for all lines, or one for each."""
        task.require_stopped()
        kind, names = row["kind"], request.name_to_assign_to_lines
        found = task.hardware.system.expand(request.lines, kind)
        if enum_value(request, "line_grouping") == LineGrouping.CHAN_FOR_ALL_LINES.value:
            groups = [tuple(found)]
            chosen = [names or found[0].name + "..." * (len(found) > 1)]
        else:
            lines = [line for each in found for line in each.lines]
            groups = [(line,) for line in lines]
            chosen = name_channels(names, [line.name for line in lines])
        for name, group in zip(chosen, groups, strict=True):
            attributes = self.attributes_of(row, group)
            channel = Channel(name, kind, group, attributes)
            attributes[f"{kind}_NUM_LINES"] = len(channel.lines)
            task.add(channel)

    def attributes_of(
        self, row: Mapping[str, Any], physical: Iterable[PhysicalChannel]
    ) -> Attributes:
        """Return the properties of a new channel that do not depend on the request."""
        kind = row["kind"]
        found = self._table.attributes("Channel", kind, *row.get("sets", ()))
        found["CHAN_TYPE"] = self._table.named("Channel", "CHAN_TYPE").parse(kind)
        found["PHYSICAL_CHAN_NAME"] = flatten(each.name for each in physical)
        for name, value in row.get("values", {}).items():
            found[name] = self._table.named("Channel", name).parse(value)
        return found


def _configuration(wanted: int, physical: PhysicalChannel) -> int:
    """Return a terminal configuration that a channel has.

    Raises:
        DriverError: The channel does not have the wanted one.
    """
    bits = int(physical.attributes["PHYSICAL_CHAN_AI_TERM_CFGS"])
    has = [value for bit, value in _CONFIGURATIONS if bits & bit]
    if wanted == _DEFAULT and has:
        return int(has[0])
    if wanted not in has:
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Property: AI_TERM_CFG\nRequested Value: {wanted}\nPhysical Channel: {physical.name}",
        )
    return wanted
