"""What TestStand calls the types of a plug-in's parameters."""

from __future__ import annotations

from plugin_kit.calling import Parameter

PIN_SPECIALIZATIONS = frozenset({"Pin", "IOResource"})
"""Specializations of parameters whose values are names of pins."""

_KINDS = {
    1: "TypeDouble",
    2: "TypeFloat",
    3: "TypeInt64",
    4: "TypeUint64",
    5: "TypeInt32",
    8: "TypeBool",
    9: "TypeString",
    11: "TypeMessage",
    13: "TypeUint32",
    14: "TypeEnum",
}
"""TestStand's names of ``google.protobuf.Field.Kind``."""

_SPECIALIZATIONS = {
    "": "None",
    "enum": "Enum",
    "ioresource": "IOResource",
    "path": "Path",
    "pin": "Pin",
}

_INSTRUMENT_TYPE_KEYS = ("ni/ioresource.instrument_type", "ni/pin.instrument_type")


def type_name(parameter: Parameter) -> str:
    """Return TestStand's name of a type, such as ``TypeDouble``."""
    return _KINDS.get(parameter.type, f"kind {parameter.type}")


def specialization(parameter: Parameter) -> str:
    """Return TestStand's name of a specialization: ``IOResource``, or ``None`` for a plain type."""
    return _SPECIALIZATIONS.get(parameter.specialisation, parameter.specialisation)


def instrument_type(parameter: Parameter) -> str:
    """Return the instrument type id of the pins that a parameter names; empty for any."""
    annotations = parameter.annotations
    return next((annotations[key] for key in _INSTRUMENT_TYPE_KEYS if annotations.get(key)), "")
