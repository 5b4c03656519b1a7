"""Write the value of a parameter as the text of a form field, and read it back.

A list has one element on each line, and a 2D array one row. All other messages are JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from google.protobuf import type_pb2
from plugin_kit.calling import EnumValue, Parameter, ParameterError, check_value, parse_text

_Field = type_pb2.Field
FLOATS = (_Field.TYPE_DOUBLE, _Field.TYPE_FLOAT)
_TABLES = {
    "ni.protobuf.types.Double2DArray": _Field.TYPE_DOUBLE,
    "ni.protobuf.types.String2DArray": _Field.TYPE_STRING,
}
"""Message types of 2D arrays, with the type of their elements."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_BETWEEN_NUMBERS = re.compile(r"[,;\s]+")
_SHOWN = 60
"""Characters of a wrong text that an error shows."""

_HELP = {
    **dict.fromkeys(FLOATS, "a number. Write it like 1.5 or 2e-3"),
    **dict.fromkeys(
        (_Field.TYPE_INT32, _Field.TYPE_INT64, _Field.TYPE_UINT32, _Field.TYPE_UINT64),
        "a whole number. Write it like 12",
    ),
    _Field.TYPE_BOOL: "true or false",
    _Field.TYPE_ENUM: "one of the choices",
    _Field.TYPE_STRING: 'text. A line that begins with " must be a JSON string',
    _Field.TYPE_MESSAGE: "JSON",
}


def is_table(parameter: Parameter) -> bool:
    """Return whether a parameter is one 2D array."""
    return parameter.message_type in _TABLES and not parameter.is_repeated


def text_of(parameter: Parameter, value: object) -> str:
    """Return the text of a value; "" for a message that is not set."""
    if value is None:
        return ""
    if parameter.type == _Field.TYPE_MESSAGE:
        if is_table(parameter) and isinstance(value, Sequence):
            return "\n".join(_row_text(parameter, row) for row in value)
        return json.dumps(value, ensure_ascii=False)
    if parameter.is_repeated and isinstance(value, (list, tuple)):
        return "\n".join(_quoted(_scalar_text(one)) for one in value)
    return _scalar_text(value)


def value_of(parameter: Parameter, text: str) -> object:
    """Return the value that a text means.

    Raises:
        ParameterError: The text does not fit the parameter's type. The error's text is for the
            user, who sees it beside the field.
    """
    try:
        value = _read(parameter, text)
    except (ValueError, RecursionError):
        raise _not_fitting(parameter, text) from None
    check_value(parameter, value)
    return value


def _read(parameter: Parameter, text: str) -> object:
    if is_table(parameter):
        return [_row(parameter, line) for line in _lines(text)]
    if parameter.type == _Field.TYPE_MESSAGE:
        return json.loads(text)
    if not parameter.is_repeated:
        return _scalar(parameter, _LINE_END.sub("\n", text))
    return [_element(parameter, line) for line in _lines(text)]


def _element(parameter: Parameter, line: str) -> object:
    text = json.loads(line) if line.startswith('"') else line
    return _scalar(replace(parameter, is_repeated=False), text)


def _scalar(parameter: Parameter, text: str) -> object:
    if parameter.type == _Field.TYPE_STRING:
        return text
    numbers = parameter.enum_values
    if text in numbers:
        return EnumValue(text, numbers[text])
    try:
        return parse_text(parameter, text.strip())
    except ParameterError:
        raise _not_fitting(parameter, text) from None


def _row(parameter: Parameter, line: str) -> list[object]:
    if line.startswith("["):
        row = json.loads(line)
        if not isinstance(row, list):
            raise ValueError("not a list")
        return row
    if _TABLES[parameter.message_type] == _Field.TYPE_STRING:
        return [part.strip() for part in line.split(",")]
    return [float(part) for part in _BETWEEN_NUMBERS.split(line) if part]


def _row_text(parameter: Parameter, row: object) -> str:
    is_text = _TABLES[parameter.message_type] == _Field.TYPE_STRING
    if is_text or not row or not isinstance(row, Sequence):
        return json.dumps(row, ensure_ascii=False)
    return ", ".join(_scalar_text(one) for one in row)


def _lines(text: str) -> list[str]:
    """Return the lines that are not empty, without spaces around them."""
    return [line for line in map(str.strip, _LINE_END.split(text)) if line]


def _scalar_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


def _quoted(text: str) -> str:
    """Return the line of an element: as JSON if the plain text would be read otherwise."""
    is_plain = text and text == text.strip() and text[0] != '"' and not _LINE_END.search(text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _not_fitting(parameter: Parameter, text: str) -> ParameterError:
    shown = repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    return ParameterError(f"{shown} is not {_HELP[parameter.type]}.")
