"""Make columns of Arrow, from values or from the lines of a log."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from json_logger_client.records.columns import Column
from json_logger_client.records.extras import needed
from json_logger_client.records.tables import Table
from json_logger_client.records.types import ColumnType

if TYPE_CHECKING:
    import pyarrow

_EXACT = 2.0**53
_EMPTY_OBJECT = re.compile(rb"\{\s*\}")
_ROOTS = ("measurement_configurations", "measurement_outputs")
_EMPTY_ROOTS = tuple(f'"{name}":{{}}'.encode() for name in _ROOTS)
_BLOCK = 256 * 1024
"""Bytes that one thread reads at a time: a part of a source's lines, so that threads share them."""
_PLAIN_KINDS = ("boolean", "int64", "float64", "text")
"""Types whose values Arrow's JSON reader reads as this package does."""


class ArrowTypes:
    """Makes columns of Arrow. Their types depend on the columns' types only."""

    def __init__(self) -> None:
        """Import pyarrow.

        Raises:
            ImportError: It is not installed.
        """
        self.arrow: Any = needed("pyarrow", "arrow")

    def schema(self, table: Table) -> pyarrow.Schema:
        """Return the schema of a table."""
        fields = [(column.name, self.type(column.type)) for column in table.columns]
        return self.arrow.schema(fields)

    def batch(self, cells: Sequence[Sequence[Any]], table: Table) -> pyarrow.RecordBatch:
        """Return some rows of a table.

        Args:
            cells: The values by column, as Python has them.
            table: The table.
        """
        schema = self.schema(table)
        arrays = [
            self.arrow.array(values, field.type)
            for values, field in zip(cells, schema, strict=True)
        ]
        return self.arrow.RecordBatch.from_arrays(arrays, schema=schema)

    def type(self, kind: ColumnType) -> pyarrow.DataType:
        """Return Arrow's type for a column's type."""
        arrow = self.arrow
        if kind.element is not None:
            return arrow.list_(self.type(kind.element))
        types = {
            "boolean": arrow.bool_(),
            "int64": arrow.int64(),
            "uint64": arrow.uint64(),
            "float64": arrow.float64(),
            "time": arrow.timestamp("us", "UTC"),
        }
        return types.get(kind.kind, arrow.string())


class ArrowLines:
    """Reads the lines of one table by Arrow's own JSON reader, which is several times faster.

    It only takes lines in which every value has exactly the type of its column.
    """

    def __init__(self, types: ArrowTypes, table: Table) -> None:
        """Prepare for a table."""
        self._arrow = types.arrow
        self._types = types
        self._schema = types.schema(table)
        self._columns = table.columns
        self.is_able = all(map(_is_able, table.columns))
        """Whether the types of the columns allow it."""
        self._has_objects = any(map(_is_in_object, table.columns))
        if self.is_able:
            self._of_lines = self._schema_of_lines()

    def read(self, lines: bytes, log: str) -> pyarrow.RecordBatch | None:
        """Return the rows of some lines; None if a value has another type than its column.

        Args:
            lines: Whole lines as the server writes them.
            log: Path of their log.
        """
        if self._has_objects and _has_empty_object(lines):
            return None
        json = importlib.import_module("pyarrow.json")
        in_blocks = json.ReadOptions(block_size=_BLOCK)
        strictly = json.ParseOptions(
            explicit_schema=self._of_lines, unexpected_field_behavior="error"
        )
        try:
            found = json.read_json(io.BytesIO(lines), in_blocks, strictly).combine_chunks()
            arrays = [self._array(found, column, log) for column in self._columns]
        except self._arrow.lib.ArrowException:
            return None
        return self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _array(self, found: pyarrow.Table, column: Column, log: str) -> pyarrow.Array:
        if column.path == ("log",):
            return self._arrow.array([log] * found.num_rows, self._arrow.string())
        compute = importlib.import_module("pyarrow.compute")
        first, *keys = column.keys
        array = found.column(first).combine_chunks()
        for key in keys:
            array = compute.struct_field(array, array.type.get_field_index(key))
        self._check_exact(array)
        return array

    def _check_exact(self, array: pyarrow.Array) -> None:
        """Refuse floats that can be inexact integers, or numbers that no double has."""
        while self._arrow.types.is_list(array.type):
            array = array.flatten()
        if self._arrow.types.is_float64(array.type):
            compute = importlib.import_module("pyarrow.compute")
            largest = compute.max(compute.abs(array)).as_py()
            if largest is not None and largest >= _EXACT:
                raise self._arrow.ArrowInvalid("a number is too large to be surely exact")

    def _schema_of_lines(self) -> pyarrow.Schema:
        """Return the types of the lines, in which columns of one object stand together."""
        parts: dict[str, Any] = {"measurement_name": self._arrow.string()}
        for column in self._columns:
            if column.path == ("log",):
                continue
            *objects, last = column.keys
            place = parts
            for key in objects:
                place = place.setdefault(key, {})
            place[last] = self._types.type(column.type)
        for name in _ROOTS:
            parts.setdefault(name, {})
        return self._arrow.schema(self._fields(parts))

    def _fields(self, parts: dict[str, Any]) -> list[tuple[str, Any]]:
        return [
            (name, self._arrow.struct(self._fields(part)) if isinstance(part, dict) else part)
            for name, part in parts.items()
        ]


def _is_in_object(column: Column) -> bool:
    return len(column.keys) > 1 + (column.keys[0] in _ROOTS)


def _has_empty_object(lines: bytes) -> bool:
    """Return whether there is an empty object within a value, which Arrow takes for null parts."""
    return len(_EMPTY_OBJECT.findall(lines)) != sum(map(lines.count, _EMPTY_ROOTS))


def _is_able(column: Column) -> bool:
    kind = column.type
    while kind.element is not None:
        kind = kind.element
    is_plain = kind.kind in _PLAIN_KINDS or column.path == ("timestamp",)
    return is_plain and not column.has_parts
