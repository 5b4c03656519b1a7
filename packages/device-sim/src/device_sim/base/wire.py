"""Read requests and fill answers by the names that a driver's messages use.

The drivers' messages have the same fields under different names: `channel_name` or `channel_list`,
`attribute_id` or `attribute`. The descriptor of a message says which it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from device_sim.errors import enum_not_given

Fields = Mapping[str, Any]
"""The fields of a response that differ from their defaults.

A positive `status` is a warning. The call has succeeded, and clients ask for the warning's text.
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """Many numbers for a repeated field, as bytes on the wire; see packing."""

    content: bytes


def make_message(kind: Any, fields: Fields) -> Any:
    """Return a message of a class with these fields."""
    packed = {name: value for name, value in fields.items() if isinstance(value, Packed)}
    message = kind(**{name: value for name, value in fields.items() if name not in packed})
    for name, value in packed.items():
        tag = kind.DESCRIPTOR.fields_by_name[name].number << 3 | 2  # bytes with their length
        message.MergeFromString(_varint(tag) + _varint(len(value.content)) + value.content)
    return message


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


_SESSION = "nidevice_grpc.Session"

_CHANNEL = ("channel_name", "channel_list", "channel", "pin_list", "site_list")
_ATTRIBUTE = ("attribute_id", "attribute")
_VALUE = ("attribute_value", "value")

_SYNONYMS = {
    "attribute_value": ("value",),
    "channel_name": ("channel_string", "channel_name_buffer", "name", "names"),
    "code": ("error_code",),
    "description": ("error_description",),
    "instrument_driver_revision": ("driver_revision",),
    "self_test_message": ("test_message",),
    "self_test_result": ("test_result",),
}
"""Other names for the fields of answers that all drivers have."""


@cache
def _field(descriptor: Any, names: tuple[str, ...]) -> str:
    """Return the first of some names that a message's field or enum has, "" if none does."""
    present = {*descriptor.fields_by_name, *descriptor.oneofs_by_name}
    for name in names:
        if not present.isdisjoint({name, f"{name}_raw", f"{name}_enum"}):
            return name
    return ""


@cache
def session_field(descriptor: Any) -> str:
    """Return the field of a message's descriptor with a session, `vi` or `task`; "" without one."""
    return next(
        (f.name for f in descriptor.fields if getattr(f.message_type, "full_name", "") == _SESSION),
        "",
    )


def session_name(request: Any) -> str:
    """Return the name of a call's (first) session, "" for a call without one."""
    field = session_field(request.DESCRIPTOR)
    if not field:
        return ""
    session = getattr(request, field)
    if hasattr(session, "add"):  # a call for several sessions
        session = session[0] if session else session.add()
    # Unknown names and NI's old numeric handles are invalid handles.
    name: str = session.name
    return name


def channel_name(request: Any) -> str:
    """Return the channels, pins or sites of a call; "", which means all, for one without them."""
    field = _field(request.DESCRIPTOR, _CHANNEL)
    name: str = getattr(request, field) if field else ""
    return name


def attribute_id(request: Any) -> int:
    """Return the attribute of a call."""
    number: int = getattr(request, _field(request.DESCRIPTOR, _ATTRIBUTE))
    return number


def attribute_value(request: Any) -> Any:
    """Return the value that a call gives to its attribute."""
    return field_value(request, _field(request.DESCRIPTOR, _VALUE))


def field_value(request: Any, field: str) -> Any:
    """Return the value of a field. For an enum, it is the number, sent by name or raw.

    Raises:
        CallError: The field is an enum, and the request has neither.
    """
    descriptor = request.DESCRIPTOR
    if f"{field}_enum" in descriptor.oneofs_by_name:
        return _enum(request, field)
    return getattr(request, field if field in descriptor.fields_by_name else f"{field}_raw")


def enum_value(request: Any, field: str) -> int:
    """Return the number that a client sent for an enum, by name or raw.

    Raises:
        CallError: The request has neither.
    """
    return int(_enum(request, field))


def _enum(request: Any, field: str) -> Any:
    given = request.WhichOneof(f"{field}_enum")
    if given is None:
        raise enum_not_given(field)
    return getattr(request, given)


def check_enums(request: Any) -> None:
    """Raise CallError if an enum of a request was not given."""
    for name in request.DESCRIPTOR.oneofs_by_name:
        if name.endswith("_enum"):
            _enum(request, name.removesuffix("_enum"))


def renamed(fields: Fields, names: frozenset[str]) -> Fields:
    """Return the fields of an answer by the names that its message has."""
    if fields.keys() <= names:
        return fields
    return {_name_in(names, name): value for name, value in fields.items()}


def _name_in(present: frozenset[str], name: str) -> str:
    if name in present:
        return name
    return next((other for other in _SYNONYMS.get(name, ()) if other in present), name)
