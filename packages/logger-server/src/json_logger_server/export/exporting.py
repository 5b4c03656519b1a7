"""Export logs: one file for each measurement name, and the samples of its waveforms beside."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
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
    TableReader,
    as_values,
    as_waveform,
    import_numpy,
)
from session_sharing import LimitExceededError, ResourceInUseError

from json_logger_server.export.file_names import file_names
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
        source: The lines of the logs. They are read twice.
        options: What to write where.
        chosen: Which records to take; None for all.
        damaged: What to do with a line that is not a record.
        progress: Is told the bytes that were read. In all, these are twice the source's size.

    Raises:
        ResourceInUseError: A file exists already.
        LimitExceededError: There are too many measurement names or columns.
        ImportError: A library for the format is not installed.
        SessionSharingError: A log cannot be read, or a line is not a record.
        OSError: A file cannot be written.
    """
    reader = TableReader(source, chosen, damaged, progress)
    if len(reader.tables) > _MOST_TABLES:
        raise LimitExceededError(
            f"The records have {len(reader.tables)} measurement names; each would be a file, and "
            f"at most {_MOST_TABLES} are written at once. Choose fewer by their name."
        )
    stems = file_names(reader.tables)
    targets = {name: f"{stem}.{options.format}" for name, stem in stems.items()}
    options.folder.mkdir(parents=True, exist_ok=True)
    with _Folder(options.folder, overwrite=options.overwrite) as folder:
        for name, stem in stems.items():
            folder.claim(targets[name])
            if options.waveforms == "npy" and _has_waveforms(reader.tables[name]):
                folder.claim(_waveform_folder(stem))
        _write(reader, folder.hidden, stems, options)
        folder.publish()
    tables = [
        ExportedTable(
            name,
            str(options.folder / targets[name]),
            table.rows,
            {column.name: str(column.type) for column in table.columns},
        )
        for name, table in reader.tables.items()
    ]
    return Export(tables, reader.damaged)


def _write(
    reader: TableReader, folder: Path, stems: dict[str, str], options: ExportOptions
) -> None:
    """Write all tables into a folder."""
    with contextlib.ExitStack() as stack:
        tables: dict[str, _TableExport] = {}
        for name, table in reader.tables.items():
            tables[name] = _TableExport(folder, stems[name], table, options)
            stack.enter_context(contextlib.closing(tables[name]))
        for batch in reader.batches():
            tables[batch.table.name].write(batch)


class _TableExport:
    """Writes the rows of one table, and the samples of its waveforms."""

    def __init__(self, folder: Path, stem: str, table: Table, options: ExportOptions) -> None:
        self._writer = _writer(folder / f"{stem}.{options.format}", table, options)
        self._rows = 0
        self._waveforms: Path | None = None
        if options.waveforms == "npy" and _has_waveforms(table):
            self._waveforms = folder / _waveform_folder(stem)
            self._waveforms.mkdir()
        waveforms = [column for column in table.columns if column.type.kind == "waveform"]
        self._prefixes = {
            column.name: stem
            for column, stem in zip(
                waveforms, file_names(column.name for column in waveforms).values(), strict=True
            )
        }

    def write(self, batch: Batch) -> None:
        """Write some rows."""
        self._writer.write([self._cells(batch, column) for column in batch.table.columns])
        self._rows += len(batch.records)

    def close(self) -> None:
        """Write the rest, and close the file."""
        self._writer.close()

    def _cells(self, batch: Batch, column: Column) -> Sequence[Any]:
        values = batch.values(column)
        if self._waveforms is None or column.type.kind != "waveform":
            return as_values(values, column.type)
        return [*self._samples(batch, column, values, self._waveforms)]

    def _samples(
        self, batch: Batch, column: Column, values: Sequence[Any], folder: Path
    ) -> Iterator[str | None]:
        """Write the samples of each row; yield the path of the file, or None."""
        numpy = import_numpy()
        rows = enumerate(zip(batch.records, values, strict=True), start=self._rows + 1)
        for row, (record, value) in rows:
            waveform = None if value is None else as_waveform(value, record.file)
            if waveform is None:
                yield None
                continue
            path = folder / f"{self._prefixes[column.name]}-{row}.npy"
            numpy.save(path, waveform.samples())
            yield f"{folder.name}/{path.name}"


class _Folder:
    """Collects files in a hidden folder, and puts them in their place when all are complete."""

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self._names: list[str] = []
        self.hidden = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.hidden, ignore_errors=True)

    def claim(self, name: str) -> None:
        """Announce a file or folder that will be written.

        Raises:
            ResourceInUseError: It exists already.
        """
        if not self._overwrite and os.path.lexists(self._folder / name):
            raise ResourceInUseError(
                f"{self._folder / name} exists already. Use another folder, or --overwrite."
            )
        self._names.append(name)

    def publish(self) -> None:
        """Move everything that was claimed to its place."""
        for name in self._names:
            place = self._folder / name
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            (self.hidden / name).replace(place)


def _writer(path: Path, table: Table, options: ExportOptions) -> TableWriter:
    if options.format == "csv":
        return CsvWriter(path, table, escape_formulas=options.escape_formulas)
    return ParquetWriter(path, table) if options.format == "parquet" else ArrowWriter(path, table)


def _has_waveforms(table: Table) -> bool:
    return any(column.type.kind == "waveform" for column in table.columns)


def _waveform_folder(stem: str) -> str:
    return f"{stem}.waveforms"
