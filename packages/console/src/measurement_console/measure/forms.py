"""Make the fields of a form from the metadata of a measurement, and read what was submitted.

Nothing here knows HTML or gRPC: the page draws the fields, and `PinMapView` brings the pins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from google.protobuf import type_pb2
from plugin_kit.calling import Parameter, ParameterError

from measurement_console.measure.field_texts import FLOATS, is_table, text_of, value_of

_Field = type_pb2.Field
_PIN_KINDS = ("pin", "ioresource")
_LINE = "\n"

Submitted = Mapping[str, Sequence[str]]
"""The texts of a submitted form by the keys of its fields."""


class FieldKind(Enum):
    """How a field is filled in."""

    NUMBER = "number"
    WHOLE_NUMBER = "whole number"
    SWITCH = "switch"
    CHOICE = "choice"
    CHOICES = "choices"
    TEXT = "text"
    LINES = "lines"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a field."""

    value: str
    """The text that is submitted."""
    label: str
    """The text that users see."""
    is_chosen: bool = False
    """Whether it is chosen at first."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One parameter as a field of a form."""

    key: str
    """Name of the field in the submitted form."""
    name: str
    """Name of the parameter."""
    kind: FieldKind
    """How it is filled in."""
    type_name: str
    """Type of the parameter for people."""
    text: str
    """Text at first."""
    choices: tuple[Choice, ...] = ()
    """The choices of a CHOICE or CHOICES field."""
    hint: str = ""
    """A sentence about what to write."""
    error: str = ""
    """What is wrong with the submitted text, and what to write."""


@dataclass(frozen=True, slots=True)
class PinMapView:
    """The part of a pin map that a form needs."""

    pin_map_id: str = ""
    """Id of the pin map, "" for none."""
    sites: tuple[int, ...] = ()
    """Numbers of its sites."""
    pins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of the pins and pin groups by instrument type; "" has all."""

    def pins_for(self, parameter: Parameter) -> Sequence[str]:
        """Return the pins and groups that fit a parameter."""
        return self.pins.get(instrument_type_of(parameter), ())


@dataclass(frozen=True, slots=True)
class FormReading:
    """The meaning of a submitted form."""

    values: Mapping[str, object] = field(default_factory=dict)
    """Values by parameter name, of the fields that are right."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by the key of the field."""


def instrument_type_of(parameter: Parameter) -> str:
    """Return the instrument type that the pins of a parameter must have, "" for any."""
    return parameter.annotations.get(f"ni/{parameter.specialisation}.instrument_type", "")


def takes_pins(parameter: Parameter) -> bool:
    """Return whether the values of a parameter are pins."""
    return parameter.specialisation in _PIN_KINDS


def key_of(parameter: Parameter) -> str:
    """Return the key of a parameter's field; names of parameters may contain anything."""
    return f"p{parameter.field_number}"


def make_fields(
    parameters: Iterable[Parameter],
    pin_map: PinMapView | None = None,
    submitted: Submitted | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[FormField]:
    """Return the fields of a form, in the order of the parameters.

    Args:
        parameters: Parameters of the measurement. Fields begin with their defaults.
        pin_map: The active pin map, None for none.
        submitted: Texts to show again instead of the defaults.
        errors: Errors to show, by key.
    """
    view, texts, wrong = pin_map or PinMapView(), submitted or {}, errors or {}
    return [
        _make_field(one, view, texts.get(key_of(one)), wrong.get(key_of(one), ""))
        for one in parameters
    ]


def read_form(parameters: Iterable[Parameter], submitted: Submitted) -> FormReading:
    """Return the values of a submitted form.

    A parameter without a field in the form is left out, so it has the plug-in's default. A switch
    submits "off", and also "on" if it is on.
    """
    values, errors = {}, {}
    for parameter in parameters:
        key = key_of(parameter)
        texts = submitted.get(key)
        if not texts or parameter.type == _Field.TYPE_BYTES:
            continue
        if _is_json(parameter) and not "".join(texts).strip():
            continue  # a message that is not set
        text = _LINE.join(one for one in texts if one) if parameter.is_repeated else texts[-1]
        try:
            values[parameter.name] = value_of(parameter, text)
        except ParameterError as error:
            errors[key] = str(error)
    return FormReading(values, errors)


def _is_json(parameter: Parameter) -> bool:
    return parameter.type == _Field.TYPE_MESSAGE and not is_table(parameter)


def _make_field(
    parameter: Parameter, pin_map: PinMapView, submitted: Sequence[str] | None, error: str
) -> FormField:
    kind = _kind_of(parameter, pin_map)
    text = text_of(parameter, parameter.default)
    if submitted:
        text = _LINE.join(submitted) if kind is FieldKind.CHOICES else submitted[-1]
    return FormField(
        key=key_of(parameter),
        name=parameter.name,
        kind=kind,
        type_name=parameter.type_name,
        text=text,
        choices=_choices_of(parameter, kind, pin_map, text),
        hint=_hint_of(parameter, kind, pin_map),
        error=error,
    )


def _kind_of(parameter: Parameter, pin_map: PinMapView) -> FieldKind:
    if parameter.type == _Field.TYPE_BYTES:
        return FieldKind.FIXED
    if takes_pins(parameter) and pin_map.pins_for(parameter):
        return FieldKind.CHOICES if parameter.is_repeated else FieldKind.CHOICE
    if parameter.is_repeated or parameter.type == _Field.TYPE_MESSAGE:
        return FieldKind.LINES
    if parameter.type == _Field.TYPE_BOOL:
        return FieldKind.SWITCH
    if parameter.type == _Field.TYPE_ENUM:
        return FieldKind.CHOICE
    if parameter.type == _Field.TYPE_STRING:
        return FieldKind.LINES if "\n" in str(parameter.default) else FieldKind.TEXT
    return FieldKind.NUMBER if parameter.type in FLOATS else FieldKind.WHOLE_NUMBER


def _choices_of(
    parameter: Parameter, kind: FieldKind, pin_map: PinMapView, text: str
) -> tuple[Choice, ...]:
    if kind not in (FieldKind.CHOICE, FieldKind.CHOICES):
        return ()
    chosen = [line for line in text.split(_LINE) if line] if kind is FieldKind.CHOICES else [text]
    if takes_pins(parameter):
        names, missing = pin_map.pins_for(parameter), "no fitting pin of this pin map"
    else:
        names, missing = tuple(parameter.enum_values), "unknown number"
    # A list submits the lines of its text, in which names with line ends are quoted.
    labels = {text_of(parameter, [name] if parameter.is_repeated else name): name for name in names}
    unknown = [value for value in chosen if value not in labels]
    return (
        *(Choice(value, f"{value} ({missing})", is_chosen=True) for value in unknown),
        *(Choice(value, label, is_chosen=value in chosen) for value, label in labels.items()),
    )


def _hint_of(parameter: Parameter, kind: FieldKind, pin_map: PinMapView) -> str:
    if kind is FieldKind.FIXED:
        return "This type cannot be set here. The plug-in uses its default."
    if takes_pins(parameter):
        wanted = instrument_type_of(parameter) or "any instrument"
        if kind in (FieldKind.CHOICE, FieldKind.CHOICES):
            return f"Pins of {wanted} in the active pin map."
        if pin_map.pin_map_id:
            return f"The active pin map has no pin of {wanted}."
        return f"A pin of {wanted}. Choose a pin map to see its pins."
    if parameter.specialisation == "path":
        what = "Paths, one on each line," if parameter.is_repeated else "A path"
        return f"{what} on the computer where the plug-in runs."
    if is_table(parameter):
        return "One row on each line, with commas between the values."
    if _is_json(parameter):
        return "JSON. Leave it empty for the plug-in's default."
    return "One value on each line." if parameter.is_repeated else ""
