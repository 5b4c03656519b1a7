"""Export logs: one file for each measurement name, and the samples of its waveforms beside."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from json_logger_client.records import (
    Batch,
    Column,
    Damaged,
    RecordFilter,
    Source,
    Table,
    as_values,
    as_waveform,
    import_numpy,
    read_tables,
)
from session_sharing import LimitExceededError, ResourceInUseError

from json_logger_server.export.file_names import FileNames
from json_logger_server.export.writers import ArrowWriter, CsvWriter, ParquetWriter, TableWriter

Format = Literal["csv", "parquet", "arrow"]
FORMATS: tuple[Format, ...] = ("csv", "parquet", "arrow")

_MOST_TABLES = 500
"""Each table is an open file."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export logs."""

    format: Format
    """Format of the files."""
    folder: Path
    """The folder of the files; it is created if it is missing."""
    overwrite: bool = False
    """Replace files of the same names."""
    waveforms: Literal["npy", "reference"] = "npy"
    """`npy` writes the samples of each waveform as a file of numpy. `reference` leaves them in the
    waveform file of the log."""
    escape_formulas: bool = False
    """Put an apostrophe before a text that a spreadsheet program would run as a formula."""


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """A table that was written."""

    measurement_name: str
    file: str
    rows: int
    columns: dict[str, str]
    """Types of the columns, by name."""


@dataclass(slots=True)
class Export:
    """The result of an export."""

    tables: list[ExportedTable] = field(default_factory=list)
    damaged: int = 0
    """Lines that are not records, and were left out."""


def export(
    source: Source,
    options: ExportOptions,
    chosen: RecordFilter | None = None,
    damaged: Damaged = "raise",
    progress: Callable[[int], None] = lambda size: None,
) -> Export:
    """Write the chosen records as tables. If this fails, no file of the folder has changed.

    Args:
        source: The lines of the logs.
        options: What to write where.
        chosen: Which records to take; None for all.
        damaged: What to do with a line that is not a record.
        progress: Is told the bytes that were read.

    Raises:
        ResourceInUseError: A file exists already.
        LimitExceededError: There are too many measurement names or columns.
        ImportError: A library for the format is not installed.
        SessionSharingError: A log cannot be read, or a line is not a record.
        OSError: A file cannot be written.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    with _Folder(options.folder, overwrite=options.overwrite) as folder:
        tables = _Tables(folder, options)
        with contextlib.closing(tables):
            found, lines_left_out = read_tables(source, tables.begin, chosen, damaged, progress)
        folder.publish()
    done = [
        ExportedTable(
            name,
            str(options.folder / tables.file_of(name)),
            table.rows,
            {column.name: str(column.type) for column in table.columns},
        )
        for name, table in found.items()
    ]
    return Export(done, lines_left_out)


class _Tables:
    """The tables that are being written."""

    def __init__(self, folder: _Folder, options: ExportOptions) -> None:
        self._folder = folder
        self._options = options
        self._names = FileNames()
        self._open: dict[str, _TableFile] = {}

    def begin(self, table: Table) -> _TableFile:
        """Begin a table.

        Raises:
            ResourceInUseError: Its file exists already.
            LimitExceededError: There are too many tables.
        """
        if table.name not in self._open:
            if len(self._open) == _MOST_TABLES:
                raise LimitExceededError(
                    f"The records have more than {_MOST_TABLES} measurement names; each would be a "
                    "file. Choose fewer by their name."
                )
            self._names.add(table.name)
        stem = self._names[table.name]
        self._open[table.name] = _TableFile(self._folder, stem, table, self._options)
        return self._open[table.name]

    def file_of(self, name: str) -> str:
        """Return the name of a table's file."""
        return f"{self._names[name]}.{self._options.format}"

    def close(self) -> None:
        """Write the rest of every table, and close the files."""
        with contextlib.ExitStack() as stack:
            for table in self._open.values():
                stack.callback(table.close)


class _TableFile:
    """Writes the rows of one table, and the samples of its waveforms."""

    def __init__(self, folder: _Folder, stem: str, table: Table, options: ExportOptions) -> None:
        self._table = table
        self._path = folder.claim(f"{stem}.{options.format}")
        self._rows = 0
        self._samples: Path | None = None
        waveforms = [column.name for column in table.columns if column.type.kind == "waveform"]
        self._prefixes = FileNames(waveforms)
        if waveforms and options.waveforms == "npy":
            self._samples = folder.claim(f"{stem}.waveforms")
            self._samples.mkdir()
        self._writer = _writer(self._path, table, options)

    def write(self, batch: Batch) -> None:
        """Write some rows."""
        self._writer.write([self._cells(batch, column) for column in self._table.columns])
        self._rows += len(batch.records)

    def write_lines(self, lines: bytes, log: str) -> int:
        """Write whole lines, if the writer can."""
        rows = self._writer.write_lines(lines, log)
        self._rows += rows
        return rows

    def close(self) -> None:
        """Write the rest, and close the file."""
        self._writer.close()

    def discard(self) -> None:
        """Remove everything that was written."""
        self._writer.close()
        self._path.unlink()
        if self._samples is not None:
            shutil.rmtree(self._samples)

    def _cells(self, batch: Batch, column: Column) -> Sequence[Any]:
        values = batch.values(column)
        if self._samples is None or column.type.kind != "waveform":
            return as_values(values, column.type)
        rows = enumerate(values, start=self._rows + 1)
        prefix = self._samples / self._prefixes[column.name]
        return [_save(value, batch, f"{prefix}-{row}.npy") for row, value in rows]


def _save(value: Any, batch: Batch, path: str) -> str | None:
    """Write the samples of a waveform; return the path from the table's folder. None has none.

    Raises:
        DamagedWaveformError: The samples are missing or damaged.
    """
    waveform = None if value is None else as_waveform(value, batch.file, batch.waveforms)
    if waveform is None:
        return None
    import_numpy().save(path, waveform.samples())
    return "/".join(Path(path).parts[-2:])


class _Folder:
    """Collects files in a hidden folder, and puts them in their place when all are complete."""

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self._names: set[str] = set()
        self._hidden = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._hidden, ignore_errors=True)

    def claim(self, name: str) -> Path:
        """Announce a file or folder; return the path at which it is to be written.

        Raises:
            ResourceInUseError: It exists already.
        """
        if not self._overwrite and os.path.lexists(self._folder / name):
            raise ResourceInUseError(
                f"{self._folder / name} exists already. Use another folder, or --overwrite."
            )
        self._names.add(name)
        return self._hidden / name

    def publish(self) -> None:
        """Move everything that was claimed to its place."""
        for name in sorted(self._names):
            place = self._folder / name
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            (self._hidden / name).replace(place)


def _writer(path: Path, table: Table, options: ExportOptions) -> TableWriter:
    if options.format == "csv":
        return CsvWriter(path, table, escape_formulas=options.escape_formulas)
    return ParquetWriter(path, table) if options.format == "parquet" else ArrowWriter(path, table)
