"""Define the metadata of a measurement plug-in: its parameters and outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import type_pb2

SPECIALISATION_KEY = "ni/type_specialization"
ENUM_VALUES_KEY = "ni/enum.values"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A configuration parameter or an output."""

    name: str
    """Display name; values are passed and returned by it."""
    field_number: int
    """Number of the field in the configuration or output message."""
    type: type_pb2.Field.Kind.ValueType
    """google.protobuf.Field.Kind."""
    is_repeated: bool = False
    """True for a 1D array."""
    message_type: str = ""
    """Full name of the message type when the type is TYPE_MESSAGE."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """All annotations."""
    default: object = None
    """Default value, None for outputs."""

    @property
    def specialisation(self) -> str:
        """The kind of value: "pin", "path", "enum", "ioresource", or "" for a plain type."""
        return self.annotations.get(SPECIALISATION_KEY, "")

    @property
    def enum_values(self) -> dict[str, int]:
        """Numbers of an enum by name, empty for other types."""
        values: dict[str, Any] = json.loads(self.annotations.get(ENUM_VALUES_KEY) or "{}")
        return {name: int(number) for name, number in values.items()}

    @property
    def type_name(self) -> str:
        """The type for people: "double", "enum[]", "ni.protobuf.types.Double2DArray"."""
        plain = type_pb2.Field.Kind.Name(self.type).removeprefix("TYPE_").lower()
        if plain == "message":
            plain = self.message_type
        if self.specialisation not in ("", plain):
            plain = f"{plain} ({self.specialisation})"
        return f"{plain}[]" if self.is_repeated else plain


@dataclass(frozen=True, slots=True)
class PluginMetadata:
    """The description that a measurement plug-in gives of itself."""

    display_name: str
    """Name to show to users."""
    version: str
    """Version of the measurement, "" when it has none."""
    parameters: tuple[Parameter, ...]
    """Configuration parameters, in declaration order."""
    outputs: tuple[Parameter, ...]
    """Outputs, in declaration order."""
    configuration_type: str = ""
    """Full name of the configuration message."""
    ui_file_urls: tuple[str, ...] = ()
    """file:// URLs of its user interfaces."""
