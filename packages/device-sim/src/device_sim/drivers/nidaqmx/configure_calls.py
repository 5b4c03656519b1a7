"""The calls that set several properties of a task at once, by the rows in `calls.toml`.

A row `configures.RPC` has for each group of properties a table `GROUP`: `fields` (the property of
each field of the request) and `values` (properties by name).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from device_sim.base.service import Method
from device_sim.base.wire import field_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.attributes import AttributeTable
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.names import device_of
from device_sim.drivers.nidaqmx.task import Task
from device_sim.errors import DriverError


class ConfigureCalls:
    """Serve the calls that configure a task.

    Args:
        rows: The tables `configures` of `calls.toml`.
        table: The properties.
    """

    def __init__(self, rows: Mapping[str, Mapping[str, Any]], table: AttributeTable) -> None:
        self._rows = rows
        self._table = table

    def find(self, descriptor: Any) -> Method | None:
        """Return the method that serves a call, None if it does not configure."""
        row = self._rows.get(descriptor.name)
        return None if row is None else partial(self._configure, row)

    def _configure(self, row: Mapping[str, Any], task: Task, request: Any, call: Call) -> None:
        task.require_stopped()
        if not task.channels:
            raise DriverError(ERRORS.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, f"Task: {task.name}")
        found: list[tuple[str, str, Any]] = []
        for group, facts in row.items():
            for field, name in facts.get("fields", {}).items():
                value = field_value(request, field)
                if field == "source" and not value:
                    continue  # the device's own clock
                if field in ("source", "trigger_source"):
                    value = full_terminal(value, task)
                found.append((group, name, self._table.named(group, name).check(value)))
            for name, value in facts.get("values", {}).items():
                found.append((group, name, self._table.named(group, name).parse(value)))
        for group, name, value in found:
            task.groups[group][name] = value


def full_terminal(text: str, task: Task) -> str:
    """Return a terminal with the name of its device."""
    is_channel = text.lower() in {name.lower() for name in task.channel_names}
    is_full = text.startswith("/") or task.hardware.system.find(device_of(text)) is not None
    return text if is_channel or is_full or not text else f"/{task.devices[0]}/{text.strip('/')}"
