"""The calls that read, write and reset properties: more than a hundred, by one rule.

The type of the field `attribute` says whose property it is, and its type: `ChannelInt32Attribute`.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache, partial
from typing import Any, Protocol

from device_sim.base.service import Method
from device_sim.base.wire import Fields, enum_value, field_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.attributes import Attribute, Attributes, AttributeTable, split_enum
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.errors import DriverError

_CALL = re.compile(r"(Get|Set|Reset)\w+Attribute(Ex)?\w*")


class _Holder(Protocol):
    """A task, or the hardware."""

    def owners(self, group: str, request: Any) -> list[Attributes]:
        """Return the owners of the properties that a request names.

        Raises:
            DriverError: A name in the request does not exist.
        """
        ...


class AttributeCalls:
    """Serve the calls on properties.

    Args:
        table: The properties.
    """

    def __init__(self, table: AttributeTable) -> None:
        self._table = table

    def find(self, descriptor: Any) -> Method | None:
        """Return the method that serves a call, None if it is not one on properties."""
        found = _CALL.fullmatch(descriptor.name)
        if not found:
            return None
        if found[1] == "Get":
            names = {"value", "value_raw"} & {each.name for each in descriptor.output_type.fields}
            return partial(self._get, names)
        return self._set if found[1] == "Set" else self._reset

    def _get(self, names: Set[str], holder: _Holder, request: Any, call: Call) -> Fields:
        attribute, owners = self._named(holder, request)
        return dict.fromkeys(names, owners[0].read(attribute))

    def _set(self, holder: _Holder, request: Any, call: Call) -> None:
        attribute, owners = self._named(holder, request)
        value = field_value(request, "value")
        for owner in owners:
            owner.write(attribute, value)

    def _reset(self, holder: _Holder, request: Any, call: Call) -> None:
        attribute, owners = self._named(holder, request)
        for owner in owners:
            owner.reset_for_client(attribute)

    def _named(self, holder: _Holder, request: Any) -> tuple[Attribute, list[Attributes]]:
        """Return the property of a request, and its owners, at least one."""
        group, kind = _group_and_kind(request.DESCRIPTOR)
        attribute = self._table.find(group, enum_value(request, "attribute"))
        if kind not in ("Reset", attribute.kind):
            raise DriverError(ERRORS.SPECIFIED_ATTR_NOT_VALID, f"Property: {attribute.name}")
        owners = holder.owners(group, request)
        if not owners:
            raise DriverError(ERRORS.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK)
        return attribute, owners


@cache
def _group_and_kind(descriptor: Any) -> tuple[str, str]:
    """Return the group and the type of the properties that a message is about."""
    return split_enum(descriptor.fields_by_name["attribute"].enum_type.name)
