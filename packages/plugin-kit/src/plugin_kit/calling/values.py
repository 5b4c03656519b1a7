"""Convert values of parameters and outputs between Python, protobuf and command-line text."""

from __future__ import annotations

import enum
import json
import math
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import type_pb2
from google.protobuf.message import Message

from plugin_kit.calling.message_classes import field_name, message_class
from plugin_kit.calling.metadata import Parameter
from plugin_kit.errors import ParameterError

_Field = type_pb2.Field
_FLOATS = (_Field.TYPE_DOUBLE, _Field.TYPE_FLOAT)
_INTEGERS = (_Field.TYPE_INT32, _Field.TYPE_INT64, _Field.TYPE_UINT32, _Field.TYPE_UINT64)
_PYTHON_TYPES = frozenset({bool, int, float, str})
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


class EnumValue(str):
    """The plug-in's name for a value of an enum.

    Attributes:
        number: The number that is sent for it.
    """

    number: int

    def __new__(cls, name: str, number: int) -> EnumValue:
        """Make the name of a number."""
        value = super().__new__(cls, name)
        value.number = number
        return value

    def __getnewargs__(self) -> tuple[str, int]:  # type: ignore[override]  # for copy and pickle
        return str(self), self.number


def read_value(message: Message, parameter: Parameter) -> object:
    """Return the value of a field.

    Arrays become lists, and 2D arrays lists of rows. Enums become names with their numbers
    (EnumValue), or integers when the number has no name. XY data and other messages become
    dictionaries by field name; a message that is not set becomes None. A 32 bit float becomes the
    shortest decimal number that it can mean; arrays of them are not changed, because they can hold
    millions.
    """
    value = getattr(message, field_name(parameter))
    if parameter.type == _Field.TYPE_ENUM:
        names = {number: EnumValue(name, number) for name, number in parameter.enum_values.items()}
        if parameter.is_repeated:
            return [names.get(number, number) for number in value]
        return names.get(value, value)
    if parameter.type == _Field.TYPE_FLOAT and not parameter.is_repeated:
        return _shortest(value)
    if parameter.type == _Field.TYPE_MESSAGE:
        if parameter.is_repeated:
            return [_from_message(one) for one in value]
        return _from_message(value) if message.HasField(field_name(parameter)) else None
    return list(value) if parameter.is_repeated else value


def read_default(message: Message, parameter: Parameter) -> object:
    """Return the default of a parameter: as `read_value`, with short arrays of 32 bit numbers."""
    value = read_value(message, parameter)
    if parameter.type == _Field.TYPE_FLOAT and isinstance(value, list):
        return [_shortest(one) for one in value]
    return value


def _shortest(value: float) -> float:
    """Return the decimal that a 32 bit number was written as: 0.1, not 0.10000000149011612."""
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == value:
            return short
    return value


def write_value(message: Message, parameter: Parameter, value: object) -> None:
    """Set a field to a Python value, which may be numpy's.

    Raises:
        ParameterError: The value does not fit the parameter's type.
    """
    name = field_name(parameter)
    message.ClearField(name)
    value = _without_numpy(value)
    try:
        if parameter.is_repeated:
            if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
                raise TypeError("a list is needed")
            _extend(getattr(message, name), parameter, value)
        elif parameter.type == _Field.TYPE_MESSAGE:
            _to_message(getattr(message, name), value)
        else:
            setattr(message, name, _to_scalar(parameter, value))
    except (TypeError, ValueError, AttributeError) as error:
        raise ParameterError(
            f"{parameter.name}: {value!r} does not fit {parameter.type_name}: {error}."
        ) from error


def check_value(parameter: Parameter, value: object) -> None:
    """Refuse a value that does not fit a parameter, without a call.

    Raises:
        ParameterError: The value does not fit the parameter's type.
        PluginCallError: This client does not know the parameter's message type.
    """
    write_value(message_class("Checked", (parameter,))(), parameter, value)


def json_value(value: object) -> object:
    """Return a value that JSON can hold, with None (null) for NaN and the infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {key: json_value(item) for key, item in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def send_zero_enums(message: Message, parameters: Iterable[Parameter]) -> None:
    """Set the enums of a configuration that are zero, so that the message contains them.

    The SDK declares its fields in proto2. There, an enum that is not sent means its first member,
    which may have another value than zero. The SDK's defaults leave out zeros, too.
    """
    for parameter in parameters:
        name = field_name(parameter)
        is_enum = parameter.type == _Field.TYPE_ENUM and not parameter.is_repeated
        if is_enum and not message.HasField(name):
            setattr(message, name, 0)


def parse_text(parameter: Parameter, text: str) -> object:
    """Return the value that a text of a command line means, by the parameter's type.

    An array is JSON or a list with commas, a message is JSON, an enum is a name or a number.

    Raises:
        ParameterError: The text does not fit the type.
    """
    try:
        if parameter.type == _Field.TYPE_MESSAGE:
            return json.loads(text)
        if not parameter.is_repeated:
            return _parse_scalar(parameter, text)
        if text.lstrip().startswith("["):
            return json.loads(text)
        return [_parse_scalar(parameter, part.strip()) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ParameterError(
            f"{parameter.name}: {text!r} does not fit {parameter.type_name}: {error}."
        ) from error


def _extend(container: Any, parameter: Parameter, values: Sequence[object]) -> None:
    if parameter.type == _Field.TYPE_MESSAGE:
        for value in values:
            _to_message(container.add(), value)
    elif parameter.type in (*_FLOATS, *_INTEGERS):
        container.extend(values)  # protobuf checks the type; arrays can hold millions
    else:
        container.extend(_to_scalar(parameter, value) for value in values)


def _to_scalar(parameter: Parameter, value: object) -> object:
    if parameter.type == _Field.TYPE_ENUM:
        return _enum_number(parameter, value)
    if parameter.type == _Field.TYPE_STRING and isinstance(value, os.PathLike):
        return os.fspath(value)
    if parameter.type == _Field.TYPE_BOOL and not isinstance(value, bool):
        raise TypeError("True or False is needed")
    return value


def _enum_number(parameter: Parameter, value: object) -> int:
    numbers = parameter.enum_values
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, str) and value in numbers:
        return numbers[value]
    if isinstance(value, int) and value in numbers.values():
        return value
    raise ValueError("it must be one of " + ", ".join(f"{k} ({v})" for k, v in numbers.items()))


def _without_numpy(value: Any) -> Any:
    """Return a value with numpy's arrays and scalars, at any depth, converted to Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {name: _without_numpy(content) for name, content in value.items()}
    if isinstance(value, (list, tuple)) and not set(map(type, value)) <= _PYTHON_TYPES:
        return [_without_numpy(item) for item in value]
    return value


def _parse_scalar(parameter: Parameter, text: str) -> object:
    if parameter.type in _FLOATS:
        return float(text)
    if parameter.type in _INTEGERS:
        return int(text, 0)
    if parameter.type == _Field.TYPE_BOOL:
        if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        raise ValueError("it must be true or false")
    if parameter.type == _Field.TYPE_ENUM:
        return int(text) if text.lstrip("-").isdigit() else text
    return text


def _from_message(message: Message) -> object:
    shape = _array_shape(message)
    if shape is not None:
        rows, columns, data = shape
        return [list(data[row * columns : (row + 1) * columns]) for row in range(rows)]
    fields = {}
    for descriptor in message.DESCRIPTOR.fields:
        value = getattr(message, descriptor.name)
        kind = descriptor.message_type
        if kind is not None and kind.GetOptions().map_entry:
            continue  # attributes of a waveform, not part of its data
        is_repeated = hasattr(value, "extend")
        if kind is None:
            fields[descriptor.name] = list(value) if is_repeated else value
        else:
            fields[descriptor.name] = (
                [_from_message(one) for one in value] if is_repeated else _from_message(value)
            )
    return fields


def _to_message(message: Message, value: object) -> None:
    if isinstance(value, Message):
        message.ParseFromString(value.SerializeToString())
    elif isinstance(value, Mapping):
        for name, content in value.items():
            if name not in message.DESCRIPTOR.fields_by_name:
                raise ValueError(f"{message.DESCRIPTOR.name} has no field {name!r}")
            if isinstance(content, Sequence) and not isinstance(content, str):
                getattr(message, name).extend(content)
            else:
                setattr(message, name, content)
    elif isinstance(value, Sequence) and _array_shape(message) is not None:
        widths = {len(row) for row in value}
        if len(widths) > 1:
            raise ValueError("all rows must have the same length")
        array: Any = message
        array.rows, array.columns = len(value), widths.pop() if widths else 0
        for row in value:
            array.data.extend(row)
    else:
        raise TypeError("a dictionary by field name, or a list of rows for a 2D array, is needed")
    message.SetInParent()


def _array_shape(message: Message) -> tuple[int, int, Any] | None:
    """Return rows, columns and data (row by row) of a 2D array message, None for others."""
    if {"rows", "columns", "data"} <= set(message.DESCRIPTOR.fields_by_name):
        array: Any = message
        return array.rows, array.columns, array.data
    return None
