"""Write a table into one file: CSV, Parquet or Arrow."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from json_logger_client.records import ArrowLines, ArrowTypes, Table, as_json, as_text

Cells = Sequence[Sequence[Any]]
"""The values of some rows, by column."""

_MOST_ROWS = 64 * 1024
_MOST_BYTES = 16 * 1024 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet program runs as a formula."""


class TableWriter(Protocol):
    """Writes one table. Not thread-safe."""

    def write(self, cells: Cells) -> None:
        """Write some rows."""
        ...

    def write_lines(self, lines: bytes, log: str) -> int:
        """Write whole lines of a log, if all their values have the type of their column.

        Returns:
            The number of rows; 0 if nothing was written.
        """
        ...

    def close(self) -> None:
        """Write the rest, and close the file."""
        ...


class CsvWriter:
    """Writes CSV in UTF-8. A missing value is an empty cell, and a list is JSON text."""

    def __init__(self, path: Path, table: Table, *, escape_formulas: bool = False) -> None:
        """Create the file, and write the names of the columns.

        Args:
            path: The file.
            table: The table.
            escape_formulas: Put an apostrophe before a text that a spreadsheet program would run as
                a formula.
        """
        self._file = path.open("x", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._forms = [_FORMS.get(column.type.kind, _same) for column in table.columns]
        self._escapes = escape_formulas
        names = [column.name for column in table.columns]
        self._writer.writerow(map(_harmless, names) if escape_formulas else names)

    def write(self, cells: Cells) -> None:
        """Write some rows."""
        columns = [form(values) for form, values in zip(self._forms, cells, strict=True)]
        if self._escapes:
            columns = [[*map(_harmless, values)] for values in columns]
        self._writer.writerows(zip(*columns, strict=True))

    def write_lines(self, lines: bytes, log: str) -> int:
        """Write nothing: texts of numbers can differ from those in the log."""
        return 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ArrowWriter:
    """Writes an Arrow file, or by its subclass a Parquet file, in groups of rows."""

    def __init__(self, path: Path, table: Table) -> None:
        """Create the file.

        Args:
            path: The file.
            table: The table. Its name stands in the metadata `measurement_name` of the schema.

        Raises:
            ImportError: pyarrow is not installed.
        """
        self._types = ArrowTypes()
        self._table = table
        self._lines = ArrowLines(self._types, table)
        schema = self._types.schema(table)
        self._schema = schema.with_metadata({"measurement_name": table.name})
        self._rows: list[Any] = []
        self._size = self._count = 0
        # pyarrow's own file stays open after its writer. Windows then refuses to rename it.
        self._file = self._types.arrow.OSFile(str(path), "wb")
        self._writer = self._open(self._file)

    def write(self, cells: Cells) -> None:
        """Write some rows, or keep them until there are enough for a group."""
        self._take(self._types.batch(cells, self._table))

    def write_lines(self, lines: bytes, log: str) -> int:
        """Write whole lines, or keep them until there are enough for a group."""
        rows = self._lines.read(lines, log) if self._lines.is_able else None
        if rows is None:
            return 0
        self._take(rows)
        return int(rows.num_rows)

    def close(self) -> None:
        """Write the rest, and close the file."""
        with contextlib.closing(self._file), contextlib.closing(self._writer):
            if self._rows:
                self._write_group()

    def _take(self, rows: Any) -> None:
        self._rows.append(rows)
        self._size += rows.nbytes
        self._count += rows.num_rows
        if self._size >= _MOST_BYTES or self._count >= _MOST_ROWS:
            self._write_group()

    def _write_group(self) -> None:
        group = self._types.arrow.Table.from_batches(self._rows).combine_chunks()
        self._writer.write_table(group.cast(self._schema))
        self._rows, self._size, self._count = [], 0, 0

    def _open(self, file: Any) -> Any:
        return self._types.arrow.ipc.new_file(file, self._schema)


class ParquetWriter(ArrowWriter):
    """Writes a Parquet file."""

    def _open(self, file: Any) -> Any:
        from pyarrow import parquet

        return parquet.ParquetWriter(file, self._schema, compression="zstd")


def _same(values: Sequence[Any]) -> Sequence[Any]:
    return values


def _booleans(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None else "true" if value else "false" for value in values]


def _floats(values: Sequence[Any]) -> list[Any]:
    return [value if value is None or math.isfinite(value) else as_text(value) for value in values]


def _texts(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None else as_text(value) for value in values]


def _lists(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None else as_json(value) for value in values]


_FORMS: dict[str, Callable[[Sequence[Any]], Sequence[Any]]] = {
    "boolean": _booleans,
    "float64": _floats,
    "time": _texts,
    "list": _lists,
}


def _harmless(value: Any) -> Any:
    """Return a text so that a spreadsheet program shows it as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
