"""Decide the type of a column from all its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from json_logger_client.records.restoring import NOT_FINITE, time_of
from json_logger_client.records.waveforms import is_reference

Kind = Literal["boolean", "int64", "uint64", "float64", "time", "text", "list", "waveform", "json"]

_INT64 = range(-(1 << 63), 1 << 63)
_UINT64 = range(1 << 64)
_EXACT = 1 << 53
"""Integers up to this one are exact as doubles."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of a column. It depends on all values of the column, and on nothing else."""

    kind: Kind
    """`json` is JSON text. `time` is in UTC, to the microsecond."""
    element: ColumnType | None = None
    """Type of the elements of a list."""

    def __str__(self) -> str:
        return f"list of {self.element}" if self.element else self.kind


JSON = ColumnType("json")
TEXT = ColumnType("text")
TIME = ColumnType("time")
INT64 = ColumnType("int64")
FLOAT64 = ColumnType("float64")


class Seen:
    """The values of a column that were seen so far, as far as its type depends on them."""

    __slots__ = (
        "_booleans",
        "_elements",
        "_exact",
        "_floats",
        "_high",
        "_integers",
        "_low",
        "_names_of_numbers",
        "_objects",
        "_texts",
        "_times",
        "_waveforms",
    )

    def __init__(self) -> None:
        self._booleans = self._integers = self._floats = self._objects = self._waveforms = False
        self._names_of_numbers = self._times = self._texts = False
        self._low = self._high = 0
        self._exact = True
        self._elements: Seen | None = None

    def add(self, values: Sequence[Any], kinds: set[type]) -> None:
        """Note some values, as JSON has them, and the types of these values."""
        if float in kinds:
            self._floats = True
        if bool in kinds:
            self._booleans = True
        if int in kinds:
            self._add_integers(_only(int, values, kinds))
        if str in kinds and not self._texts:
            self._add_texts(set(_only(str, values, kinds)))
        if list in kinds:
            self._elements = self._elements or Seen()
            elements = [*chain.from_iterable(_only(list, values, kinds))]
            self._elements.add(elements, set(map(type, elements)))
        if dict in kinds:
            objects = _only(dict, values, kinds)
            waveforms = sum(is_reference(value) for value in objects)
            self._waveforms |= waveforms > 0
            self._objects |= waveforms < len(objects)

    def _add_integers(self, values: Sequence[int]) -> None:
        low, high = min(values), max(values)
        self._integers = True
        self._low, self._high = min(self._low, low), max(self._high, high)
        if self._exact and (low < -_EXACT or high > _EXACT):
            self._exact = all(_is_exact(value) for value in values)

    def _add_texts(self, texts: set[str]) -> None:
        names = texts.intersection(NOT_FINITE)
        self._names_of_numbers |= bool(names)
        if len(names) == len(texts):
            return
        self._texts = any(time_of(text) is None for text in texts - names)
        self._times = True

    @property
    def is_settled(self) -> bool:
        """Whether there was a value: without one, every value can change the type."""
        if self._elements is not None:
            return self._elements.is_settled
        return bool(
            self._booleans
            or self._integers
            or self._floats
            or self._texts
            or self._objects
            or self._waveforms
        )

    def column_type(self) -> ColumnType:
        """Return the narrowest type that has every value that was seen."""
        texts = self._texts or self._times
        numbers = self._integers or self._floats
        groups = (self._booleans, numbers, texts, self._elements is not None, self._waveforms)
        named_numbers = self._names_of_numbers and not texts
        if self._objects or sum(groups) > 1 or (named_numbers and sum(groups) > numbers):
            return JSON
        if self._elements is not None:
            element = self._elements.column_type()
            return JSON if element.kind in ("json", "waveform") else ColumnType("list", element)
        if self._booleans:
            return ColumnType("boolean")
        if self._waveforms:
            return ColumnType("waveform")
        if self._floats or named_numbers:
            return FLOAT64 if self._exact else JSON
        return self._integer_type() if self._integers else self._text_type()

    def _integer_type(self) -> ColumnType:
        if self._low in _INT64 and self._high in _INT64:
            return INT64
        return ColumnType("uint64") if self._low in _UINT64 and self._high in _UINT64 else JSON

    def _text_type(self) -> ColumnType:
        return TIME if self._times and not self._texts and not self._names_of_numbers else TEXT


def _is_exact(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _only(kind: type, values: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
    """Return the values of one type."""
    return values if len(kinds) == 1 else [value for value in values if type(value) is kind]
