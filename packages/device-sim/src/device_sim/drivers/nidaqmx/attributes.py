"""NI-DAQmx's properties, and the values that tasks, channels and devices have.

Groups, ids, types and enums are read from NI's package. So they cannot differ from those that its
clients send. Access, the enum of each property and defaults are in `attributes.toml`.

A property without a value, default or rule to compute it is one that its owner does not have. The
driver refuses it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.errors import DriverError, ErrorCode

Value = Any
"""A bool, number or text, bytes, a protobuf Timestamp, or a list of numbers."""

_ENUM = re.compile(
    r"(\w+?)(Bool|Bytes|DoubleArray|Double|Int32Array|Int32|String|Timestamp"
    r"|UInt32Array|UInt32|UInt64|Reset)Attribute"
)
_PYTHON_TYPES: Mapping[str, Callable[[Any], Value]] = {
    "Bool": bool,
    "Bytes": bytes,
    "Double": float,
    "DoubleArray": lambda values: [float(value) for value in values],
    "Int32": int,
    "Int32Array": list,
    "String": str,
    "Timestamp": lambda value: value,
    "UInt32": int,
    "UInt32Array": list,
    "UInt64": int,
}


_LIMITS = {"Int32": (-(2**31), 2**31 - 1), "UInt32": (0, 2**32 - 1), "UInt64": (0, 2**64 - 1)}


@dataclass(frozen=True, slots=True)
class Attribute:
    """The facts about one property."""

    group: str
    """Whose property it is, as NI's messages say: `Task`, `Timing`, `Channel`, `Device`, …"""

    id: int
    """The number on the wire."""

    name: str
    """NI's name without that of the group, such as `SAMP_CLK_RATE`."""

    kind: str
    """The type: a word of NI's messages, such as `Int32` or `DoubleArray`."""

    choices: Mapping[str, int] | None
    """For an enum: its members."""

    is_readable: bool
    """Whether clients can read it."""

    is_writable: bool
    """Whether clients can write it."""

    is_resettable: bool
    """Whether clients can reset it."""

    def check(self, value: Value) -> Value:
        """Return a client's value in the property's type.

        Raises:
            DriverError: It is not a member of the enum, or not a number.
        """
        value = _PYTHON_TYPES[self.kind](value)
        allowed = self.choices is None or value in self.choices.values()
        if isinstance(value, float):
            allowed = math.isfinite(value)
        if not allowed:
            raise DriverError(
                ERRORS.INVALID_ATTRIBUTE_VALUE, f"Property: {self.name}\nRequested Value: {value}"
            )
        return value

    def holds(self, value: Value) -> bool:
        """Return whether a message can carry a value."""
        limits = _LIMITS.get(self.kind)
        return limits is None or bool(limits[0] <= value <= limits[1])

    def parse(self, value: Any) -> Value:
        """Return a value from a data file, in which enums have the names of their members."""
        if self.choices is not None and isinstance(value, str):
            return self.choices[value]
        if self.choices is not None and isinstance(value, list):
            return [self.choices[each] if isinstance(each, str) else each for each in value]
        return _PYTHON_TYPES[self.kind](value)


class AttributeTable:
    """All properties of NI-DAQmx.

    Args:
        protobuf: NI's module with the messages, `nidaqmx._stubs.nidaqmx_pb2`.
        data: The content of `attributes.toml`. For each group a table with `read_only`,
            `write_only` and `enums`, and `defaults.SET` with the default values of a set. A set has
            the name of a group, maybe with more words: `Channel AI`. `internal` has properties that
            NI's clients read, but that NI's messages do not name.
    """

    def __init__(self, protobuf: ModuleType, data: Mapping[str, Any]) -> None:
        self._by_id = {(a.group, a.id): a for a in _reflect(protobuf.DESCRIPTOR, data)}
        for row in data.get("internal", ()):
            self._by_id[row["group"], row["id"]] = Attribute(
                **row, choices=None, is_readable=True, is_writable=False, is_resettable=False
            )
        self._by_name = {(a.group, a.name): a for a in self._by_id.values()}
        self._defaults = {
            name: {key: self.named(name.split(" ")[0], key).parse(v) for key, v in values.items()}
            for name, values in data.get("defaults", {}).items()
        }

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._by_id.values())

    def named(self, group: str, name: str) -> Attribute:
        """Return the property of a group with a name."""
        return self._by_name[group, name]

    def find(self, group: str, number: int) -> Attribute:
        """Return the property of a group with an id.

        Raises:
            DriverError: The group has none.
        """
        attribute = self._by_id.get((group, number))
        if attribute is None:
            raise DriverError(ERRORS.SPECIFIED_ATTR_NOT_VALID, f"Property ID: {number}")
        return attribute

    def attributes(self, group: str, *more: str) -> Attributes:
        """Return the values of a new owner.

        Args:
            group: The group.
            more: Further words of sets of defaults: `AI` for the set `Channel AI`. A later set
                comes before an earlier one.
        """
        defaults: dict[str, Value] = {}
        for name in (group, *(f"{group} {words}" for words in more)):
            defaults |= self._defaults.get(name, {})
        return Attributes(group, defaults)


class Attributes:
    """The values of one owner: of a task for one group, of a channel, of a device.

    Args:
        group: The owner's group.
        defaults: Its values after a reset, by name.
    """

    def __init__(self, group: str, defaults: Mapping[str, Value] | None = None) -> None:
        self.group = group
        self.defaults = dict(defaults or {})
        """The values after a reset."""
        self.computed: dict[str, Callable[[], Value]] = {}
        """Rules for values that are computed when somebody reads them. They come first."""
        self.derived: dict[str, Callable[[], Value]] = {}
        """Rules for the defaults of values that depend on others."""
        self.check: Callable[[str, Value], Value] = lambda name, value: value
        """Return the value that a client's value becomes, given the name, or refuse it."""
        self.missing: ErrorCode = ERRORS.ATTRIBUTE_NOT_SUPPORTED_IN_TASK_CONTEXT
        """The error for a property that the owner does not have."""
        self.unset: dict[str, ErrorCode] = {}
        """Errors of properties that have no value at all after a client's reset."""
        self._configured: dict[str, Value] = {}
        self._written: dict[str, Value] = {}

    # For the driver's code.

    def __getitem__(self, name: str) -> Value:
        if name in self.computed:
            return self.computed[name]()
        for layer in (self._written, self._configured):
            if name in layer:
                return layer[name]
        if name in self.derived:
            return self.derived[name]()
        if name in self.defaults:
            return self.defaults[name]
        raise DriverError(self.unset.get(name, self.missing), f"Property: {name}")

    def __setitem__(self, name: str, value: Value) -> None:
        """Set a value as a call does that configures."""
        self._configured[name] = value
        self._written.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return name in self.names or name in self.unset

    def get(self, name: str, default: Value) -> Value:
        """Return a value, or the default if the owner does not have the property."""
        if name not in self:
            return default
        return self[name]

    def update(self, values: Mapping[str, Value]) -> None:
        """Set several values."""
        for name, value in values.items():
            self[name] = value

    def is_set(self, name: str) -> bool:
        """Return whether a client or a call that configures has set a value."""
        return name in self._written or name in self._configured

    def reset(self, name: str) -> None:
        """Set a value to its default. Without one, it becomes that of the last configuration."""
        self._written.pop(name, None)
        if name in self.unset or name in self.derived or name in self.defaults:
            self._configured.pop(name, None)

    @property
    def names(self) -> set[str]:
        """The names of all values that the owner has."""
        layers = (self.computed, self._written, self._configured, self.derived, self.defaults)
        return {name for layer in layers for name in layer}

    # For clients.

    def read(self, attribute: Attribute) -> Value:
        """Return a value for a client.

        Raises:
            DriverError: The property cannot be read, the owner does not have it, or other
                properties have values from which no value follows.
        """
        if not attribute.is_readable:
            raise DriverError(ERRORS.ATTR_CANNOT_BE_READ, f"Property: {attribute.name}")
        try:
            value = self[attribute.name]
        except (OverflowError, ZeroDivisionError):
            pass
        else:
            if attribute.holds(value):
                return value
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Property: {attribute.name}\nIts value follows from others, which are out of range.",
        )

    def write(self, attribute: Attribute, value: Value) -> None:
        """Set a value for a client.

        Raises:
            DriverError: The property cannot be written, the owner does not have it, or the value is
                invalid.
        """
        if not attribute.is_writable:
            raise DriverError(ERRORS.ATTR_CANNOT_BE_SET, f"Property: {attribute.name}")
        self._require(attribute)
        self._written[attribute.name] = self.check(attribute.name, attribute.check(value))

    def reset_for_client(self, attribute: Attribute) -> None:
        """Set a value to its default for a client.

        Raises:
            DriverError: The property cannot be reset, or the owner does not have it.
        """
        if not attribute.is_resettable:
            raise DriverError(ERRORS.ATTR_CANNOT_BE_RESET, f"Property: {attribute.name}")
        self._require(attribute)
        self.reset(attribute.name)

    def _require(self, attribute: Attribute) -> None:
        if attribute.name not in self:
            raise DriverError(self.missing, f"Property: {attribute.name}")


def split_enum(name: str) -> tuple[str, str]:
    """Return the group and the type in the name of an enum: `ChannelInt32Attribute`.

    The type is `Reset` for the enum of the properties that can be reset.
    """
    found = _ENUM.fullmatch(name)
    assert found, name
    return found[1], found[2]


def _reflect(file: Any, data: Mapping[str, Any]) -> Iterator[Attribute]:
    """Yield the properties in a file of NI's messages."""
    for enum in file.enum_types_by_name.values():
        if not _ENUM.fullmatch(enum.name) or enum.name.endswith("ResetAttribute"):
            continue
        group, kind = split_enum(enum.name)
        facts = data.get(group, {})
        resets = file.enum_types_by_name.get(f"{group}ResetAttribute")
        resettable = set(resets.values_by_number) if resets else set()
        enums = {name: enum for enum, names in facts.get("enums", {}).items() for name in names}
        for number, member in enum.values_by_number.items():
            name = member.name.removeprefix(f"{group.upper()}_ATTRIBUTE_")
            if number:  # 0 is "unspecified"
                yield Attribute(
                    group=group,
                    id=number,
                    name=name,
                    kind=kind,
                    choices=_choices(file, group, enums[name]) if name in enums else None,
                    is_readable=name not in facts.get("write_only", ()),
                    is_writable=name not in facts.get("read_only", ()),
                    is_resettable=number in resettable,
                )


def _choices(file: Any, group: str, enum: str) -> dict[str, int] | None:
    """Return the members of an enum, None if NI's messages do not have it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", enum).upper()
    for owner in (group, "Channel", "Timing"):
        prefix = f"{owner.upper()}_INT32_{words}_"
        values = file.enum_types_by_name.get(f"{owner}Int32AttributeValues")
        members = values.values if values else ()
        if found := [member for member in members if member.name.startswith(prefix)]:
            return {member.name.removeprefix(prefix): member.number for member in found}
    return None
