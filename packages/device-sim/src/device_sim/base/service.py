"""Find the method that serves each call of a driver.

Most calls need no Python code. The driver's `calls.toml` describes them:

- `configures.RPC`: the attribute that each field of the request sets
- `sets.RPC`: attributes that the call sets to a fixed value
- `constants.RPC`: the fields of the answer
- `accepted`: calls that have no effect
- `aliases.RPC`: the other call that it is
- `requires.RPC`: the feature that the session's model must have

Two more entries are for the coverage report:

- `bench`: calls that measure or change the bench if the instrument is wired
- `unverified.RPC`: what no public document says about the call

A call whose name ends with `WithChannels` is the call without this ending. All other calls are
methods of the driver's classes, and of CommonCalls. What is nowhere is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from device_sim.base.instrument import InstrumentSession
from device_sim.base.wire import (
    Fields,
    attribute_id,
    attribute_value,
    channel_name,
    check_enums,
    field_value,
)
from device_sim.call import Call
from device_sim.errors import FUNCTION_NOT_SUPPORTED, DriverError

Method = Callable[[Any, Any, Call], Any]
"""The method of one RPC. It gets session, request and call.

It returns the response's fields, or None. A call with a stream of answers returns an iterator.
"""

_ATTRIBUTE_CALL = re.compile(r"(Get|Set|Check)AttributeVi(?!Session)(\w+)")


def snake_case(rpc: str) -> str:
    """Return the Python name of an RPC: `ConfigureRTDType` is `configure_rtd_type`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", rpc)
    return words.lower()


class DriverService:
    """Serves the RPCs of one driver on its sessions.

    All other RPCs return the driver's own "not supported" error.

    Args:
        *calls: Objects whose methods serve the RPCs of the same names, in snake case.
        tables: The content of the driver's `calls.toml`.
    """

    def __init__(self, *calls: object, tables: Mapping[str, Any]) -> None:
        self._calls = calls
        self._tables = tables

    def find(self, rpc: str) -> Method | None:
        """Return the method that serves `rpc`, None if there is none."""
        plain = rpc.removesuffix("WithChannels")
        method = self._find_plain(self._table("aliases").get(plain, plain))
        feature = self._table("requires").get(plain)
        return _requiring(feature, method) if feature and method else method

    def uses_bench(self, rpc: str) -> bool:
        """Return whether `rpc` measures or changes the bench if the instrument is wired."""
        return rpc.removesuffix("WithChannels") in self._tables.get("bench", ())

    def _find_plain(self, rpc: str) -> Method | None:
        name = snake_case(rpc)
        for calls in self._calls:
            method: Method | None = getattr(calls, name, None)
            if method is not None:
                return method
        attribute_call = _ATTRIBUTE_CALL.fullmatch(rpc)
        if attribute_call:
            return _attribute_method(*attribute_call.groups())
        writes, sets = self._table("configures").get(rpc), self._table("sets").get(rpc)
        if writes or sets:
            return _configure_method(writes or {}, sets or {})
        if rpc in self._table("constants"):
            return _constant_method(rpc, self._table("constants")[rpc])
        return _accept if rpc in self._tables.get("accepted", ()) else None

    def _table(self, name: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self._tables.get(name, {})
        return table


def _requiring(feature: str, served: Method) -> Method:
    def method(session: InstrumentSession, request: Any, call: Call) -> Any:
        session.require(feature)
        return served(session, request, call)

    return method


def _configure_method(writes: Mapping[str, str], sets: Mapping[str, Any]) -> Method:
    def method(session: InstrumentSession, request: Any, call: Call) -> None:
        for field, attribute in writes.items():
            session.set(attribute, field_value(request, field), channel_name(request))
        for attribute, value in sets.items():
            parsed = session.table[attribute].parse(value)
            session.set(attribute, parsed, channel_name(request))

    return method


def _constant_method(rpc: str, fields: Fields) -> Method:
    def method(session: InstrumentSession, request: Any, call: Call) -> Fields:
        session.select(channel_name(request))
        own: Fields = session.model.constants.get(rpc, fields)
        return own

    return method


def _accept(session: InstrumentSession, request: Any, call: Call) -> None:
    session.select_for_flow(channel_name(request))
    check_enums(request)


def _attribute_method(action: str, kind: str) -> Method:
    def get(session: InstrumentSession, request: Any, call: Call) -> Fields:
        value = session.get_attribute(channel_name(request), attribute_id(request), kind)
        return {"attribute_value": value}

    def put(session: InstrumentSession, request: Any, call: Call) -> None:
        where = (channel_name(request), attribute_id(request), kind)
        session.set_attribute(*where, attribute_value(request))

    def check(session: InstrumentSession, request: Any, call: Call) -> None:
        session.table.writable(attribute_id(request), kind).check(attribute_value(request))

    return {"Get": get, "Set": put, "Check": check}[action]


def refuse(rpc: str) -> Method:
    """Return a method for a call that the driver has and the simulation lacks."""

    def method(session: InstrumentSession, request: Any, call: Call) -> None:
        raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: {rpc}")

    return method
