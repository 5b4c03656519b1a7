"""The attributes of NI drivers, and the values that a session gave them.

Ids, types and enums are read from the installed driver package. So they cannot differ from those
that its clients send. Access, owner, defaults and limits are not in the package; they are in
`attributes.toml` in the driver's folder.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import ModuleType
from typing import Any

from device_sim.errors import (
    ATTRIBUTE_NOT_RECOGNISED,
    ATTRIBUTE_READ_ONLY,
    INVALID_VALUE,
    TYPES_DO_NOT_MATCH,
    DriverError,
)

Value = bool | int | float | str

_PYTHON_TYPES: dict[str, type] = {
    "Boolean": bool,
    "Int32": int,
    "Int64": int,
    "Real64": float,
    "String": str,
}


class Scope(Enum):
    """The owner of an attribute's value."""

    SESSION = "session"
    INSTRUMENT = "instrument"
    CHANNEL = "channel"
    NAMED = "named"
    """A repeated capability with names of its own, such as a marker."""


_OWNERS = {"channels": Scope.CHANNEL, "instruments": Scope.INSTRUMENT}
"""The repeated capabilities of NI's metadata that all drivers have."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """The facts about one attribute."""

    id: int
    """The number on the wire."""

    name: str
    """The property of the Python class, for example `voltage_level`."""

    kind: str
    """`Boolean`, `Int32`, `Int64`, `Real64` or `String`."""

    choices: Mapping[str, Value] | None = None
    """For an enum: its members."""

    scope: Scope = Scope.SESSION
    """The owner of its value: each channel, each instrument, the session, or a capability."""

    capability: str = ""
    """For NAMED: the repeated capability, such as `markers`."""

    read_only: bool = False
    """True if clients can only read it."""

    default: Value = 0
    """Its value after a reset."""

    limits: tuple[float, float] | None = None
    """Smallest and largest value, both allowed."""

    specials: tuple[float, ...] = ()
    """Allowed values outside the limits with a special meaning, such as -1 for automatic."""

    steps: str = ""
    """The model's steps that the hardware has for it; a value goes up to the next one."""

    def check(self, value: Value) -> Value:
        """Return `value` in the attribute's type.

        Raises:
            DriverError: The value is outside the enum or the limits, or not a number.
        """
        value = _PYTHON_TYPES[self.kind](value)
        allowed = self.choices is None or value in self.choices.values()
        if self.limits and not isinstance(value, str) and value not in self.specials:
            allowed = allowed and self.limits[0] <= value <= self.limits[1]
        if isinstance(value, float) and not math.isfinite(value):
            # Infinity is allowed only if it is the default, such as for the limits of cutoffs.
            allowed = math.isinf(value) and math.isinf(float(self.default))
        if not allowed:
            raise DriverError(INVALID_VALUE, f"Attribute: {self.name}\nRequested Value: {value}")
        return value

    def parse(self, value: Any) -> Value:
        """Return a value from a data file, in which enums have the names of their members."""
        if self.choices is not None and isinstance(value, str):
            return self.choices[value]
        return _PYTHON_TYPES[self.kind](value)  # type: ignore[no-any-return]


class AttributeTable:
    """All attributes of one driver, by id and by name."""

    def __init__(self, attributes: Iterator[Attribute]) -> None:
        self._by_id = {attribute.id: attribute for attribute in attributes}
        self._by_name = {attribute.name: attribute for attribute in self._by_id.values()}

    @classmethod
    def load(cls, package: ModuleType, data: Mapping[str, Any]) -> AttributeTable:
        """Combine the facts in NI's package with the driver's `attributes.toml`.

        Args:
            package: For example nidcpower.
            data: The content of the file. `read_only` has names. The tables are `owners`
                (attributes by repeated capability; the session owns all others), `defaults` (by
                default 0, "", false or the first member of the enum), `limits`, `specials` and
                `steps` (see Attribute), and `unverified` (what no public document says).
        """
        owners = {
            name: capability
            for capability, names in data.get("owners", {}).items()
            for name in names
        }
        return cls(_describe(each, data, owners.get(each.name, "")) for each in _reflect(package))

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._by_id.values())

    def __getitem__(self, name: str) -> Attribute:
        return self._by_name[name]

    def get(self, attribute_id: int, kind: str | None = None) -> Attribute:
        """Return the attribute with this id.

        Raises:
            DriverError: The id is unknown, or the attribute has another type.
        """
        attribute = self._by_id.get(attribute_id)
        if attribute is None:
            raise DriverError(ATTRIBUTE_NOT_RECOGNISED, f"Attribute ID: {attribute_id}")
        if kind is not None and attribute.kind != kind:
            raise DriverError(TYPES_DO_NOT_MATCH, f"Attribute: {attribute.name}")
        return attribute

    def writable(self, attribute_id: int, kind: str) -> Attribute:
        """Return the attribute with this id, if clients may write it.

        Raises:
            DriverError: The id is unknown, the type is another, or the attribute is read-only.
        """
        attribute = self.get(attribute_id, kind)
        if attribute.read_only:
            raise DriverError(ATTRIBUTE_READ_ONLY, f"Attribute: {attribute.name}")
        return attribute


class AttributeStore:
    """The values of one channel, instrument or session.

    Args:
        defaults: Values after a reset by attribute name, if they differ from the table's.
    """

    def __init__(self, defaults: Mapping[str, Value] | None = None) -> None:
        self._defaults = dict(defaults or {})
        self.changed: dict[str, Value] = {}

    def __getitem__(self, attribute: Attribute) -> Value:
        name = attribute.name
        if name in self.changed:
            return self.changed[name]
        return self._defaults.get(name, attribute.default)

    def __setitem__(self, attribute: Attribute, value: Value) -> None:
        self.changed[attribute.name] = value

    def reset(self) -> None:
        """Set every attribute to its default."""
        self.changed.clear()


def _reflect(package: ModuleType) -> Iterator[Attribute]:
    """Yield the attributes of the driver's Python class."""
    base: type = package.session._SessionBase
    kind_of_class = package.session._attributes.Attribute
    for name, declared in vars(base).items():
        if isinstance(declared, kind_of_class):
            # A converted property of Python wraps an enum, and an enum wraps its wire type.
            inner: Any = getattr(declared, "_underlying_attribute_enum", declared)
            enum: type[Enum] | None = getattr(inner, "_attribute_type", None)
            wire = getattr(inner, "_underlying_attribute", inner)
            yield Attribute(
                id=declared._attribute_id,
                name=name,
                kind=_kind(type(wire).__name__),
                choices={member.name: member.value for member in enum} if enum else None,
            )


def _kind(class_name: str) -> str:
    for kind in _PYTHON_TYPES:
        if class_name.startswith(f"AttributeVi{kind}"):
            return kind
    raise TypeError(f"unknown attribute class {class_name}")


def _describe(attribute: Attribute, data: Mapping[str, Any], owner: str) -> Attribute:
    name = attribute.name
    limits = data.get("limits", {}).get(name)
    first = next(iter(attribute.choices.values())) if attribute.choices else 0
    default = _PYTHON_TYPES[attribute.kind](first) if attribute.kind != "String" else ""
    if name in data.get("defaults", {}):
        default = attribute.parse(data["defaults"][name])
    return replace(
        attribute,
        scope=_OWNERS.get(owner, Scope.NAMED) if owner else Scope.SESSION,
        capability="" if owner in _OWNERS else owner,
        read_only=name in data.get("read_only", ()),
        default=default,
        limits=(float(limits[0]), float(limits[1])) if limits else None,
        specials=tuple(float(value) for value in data.get("specials", {}).get(name, ())),
        steps=data.get("steps", {}).get(name, ""),
    )
