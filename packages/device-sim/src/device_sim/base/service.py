"""Find the method that serves each call of a driver."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from device_sim.base.attributes import Value
from device_sim.base.instrument import InstrumentSession
from device_sim.call import Call
from device_sim.errors import FUNCTION_NOT_SUPPORTED, DriverError, enum_not_given

Fields = Mapping[str, Any]
"""The fields of a response that differ from their defaults.

A positive `status` is a warning. The call has succeeded, and clients ask for the warning's text.
"""

Method = Callable[[Any, Any, Call], "Fields | None"]
"""The method of one RPC. It gets session, request and call, and returns the response's fields."""

_ATTRIBUTE_CALL = re.compile(r"(Get|Set|Check)AttributeVi(\w+)")


def snake_case(rpc: str) -> str:
    """Return the Python name of an RPC: `ConfigureRTDType` is `configure_rtd_type`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", rpc)
    return words.lower()


def channel_name(request: Any) -> str:
    """Return the channel string. For calls without one it is empty, which means all channels."""
    name: str = getattr(request, "channel_name", "")
    return name


def enum_value(request: Any, field: str) -> int:
    """Return the number that a client sent for an enum, by name or raw.

    Raises:
        CallError: The request has neither.
    """
    given = request.WhichOneof(f"{field}_enum")
    if given is None:
        raise enum_not_given(field)
    return int(getattr(request, given))


def number_value(request: Any, field: str) -> float:
    """Return the number for an enum whose raw value is a real number. See `enum_value`."""
    given = request.WhichOneof(f"{field}_enum")
    if given is None:
        raise enum_not_given(field)
    return float(getattr(request, given))


class DriverService:
    """Serves the RPCs of one driver on its sessions.

    All other RPCs return the driver's own "not supported" error.

    Args:
        *calls: Objects whose methods serve the RPCs of the same names, in snake case.
        methods: Methods by the names of the RPCs that they serve.
        configures: RPCs that only write attributes: the attribute for each field of the request.
    """

    def __init__(
        self,
        *calls: object,
        methods: Mapping[str, Method] | None = None,
        configures: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._calls = calls
        self._methods = methods or {}
        self._configures = configures or {}

    def find(self, rpc: str) -> Method | None:
        """Return the method that serves `rpc`, None if there is none."""
        name = snake_case(rpc)
        named = (getattr(calls, name, None) for calls in self._calls)
        method: Method | None = next(filter(None, named), self._methods.get(rpc))
        if method is not None:
            return method
        attribute_call = _ATTRIBUTE_CALL.fullmatch(rpc)
        if attribute_call and attribute_call[2] != "Session":
            return _attribute_method(*attribute_call.groups())
        return _configure_method(self._configures[rpc]) if rpc in self._configures else None


def _configure_method(writes: Mapping[str, str]) -> Method:
    def method(session: InstrumentSession, request: Any, call: Call) -> None:
        for field, attribute in writes.items():
            session.set(attribute, _field_value(request, field), channel_name(request))

    return method


def _field_value(request: Any, field: str) -> Value:
    oneofs = request.DESCRIPTOR.oneofs_by_name
    if f"{field}_enum" in oneofs:
        return number_value(request, field)
    value: Value = getattr(request, field)
    return value


def _attribute_method(action: str, kind: str) -> Method:
    def method(session: InstrumentSession, request: Any, call: Call) -> Fields | None:
        where = (request.channel_name, request.attribute_id, kind)
        if action == "Get":
            return {"attribute_value": session.get_attribute(*where)}
        value = _attribute_value(request)
        if action == "Set":
            session.set_attribute(*where, value)
        else:
            session.table.writable(request.attribute_id, kind).check(value)
        return None

    return method


def _attribute_value(request: Any) -> Value:
    if request.DESCRIPTOR.oneofs_by_name:
        return number_value(request, "attribute_value")
    raw = "attribute_value_raw"
    value: Value = getattr(request, raw) if hasattr(request, raw) else request.attribute_value
    return value


def refuse(rpc: str) -> Method:
    """Return a method for a call that the driver has and the simulation lacks."""

    def method(session: InstrumentSession, request: Any, call: Call) -> None:
        raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: {rpc}")

    return method
