"""Read logs as tables, one for each measurement name.

The type of a column depends on all its values, and is known only at the end. So the rows are
written with the columns of the records so far. A table whose columns change later is written again:
the records are then read a second time. Memory stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from json_logger_client.records.columns import Column, ColumnFinder, Path
from json_logger_client.records.filtering import RecordFilter
from json_logger_client.records.reading import Damaged, Decoded, RecordReader
from json_logger_client.records.record import LogRecord
from json_logger_client.records.sources import Source

Progress = Callable[[int], None]
"""Is told how many bytes were read since it was called last."""


@dataclass(frozen=True, slots=True)
class Table:
    """The table of one measurement."""

    name: str
    """The measurement's name."""
    columns: Sequence[Column]
    rows: int = 0
    """Number of rows; 0 while the table is written."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a table, in their order."""

    records: Sequence[LogRecord]
    """The records of the rows, with values as JSON has them."""
    log: str
    """Path of their log."""
    file: str
    """Path of the file of their log; empty if a server sent them."""
    known: dict[Path, list[Any]]
    """Values that were taken from the records already."""

    def values(self, column: Column) -> Sequence[Any]:
        """Return the values of a column as JSON has them; None where a record has none."""
        if column.path == ("log",):
            return [self.log] * len(self.records)
        found = self.known.get(column.path)
        return column.values(self.records) if found is None else found


class TableSink(Protocol):
    """Takes the rows of one table."""

    def write(self, batch: Batch) -> None:
        """Take some rows."""
        ...

    def discard(self) -> None:
        """Undo everything: the table's columns have changed, and it is written again."""
        ...


OpenSink = Callable[[Table], TableSink]
"""Begins a table with these columns."""


def read_tables(
    source: Source,
    open_sink: OpenSink,
    chosen: RecordFilter | None = None,
    damaged: Damaged = "raise",
    progress: Progress = lambda size: None,
) -> tuple[dict[str, Table], int]:
    """Read the chosen records as tables.

    Args:
        source: The lines.
        open_sink: Begins a table. It is called a second time for a table whose columns have
            changed, after the first one was discarded.
        chosen: Which records to take; None for all.
        damaged: What to do with a line that is not a record.
        progress: Is told the bytes that were read.

    Returns:
        The tables by the measurement's name, in the order of their first records; and the number of
        lines that are not records.

    Raises:
        LimitExceededError: A measurement has too many different keys for columns.
        SessionSharingError: A log cannot be read, or a line is not a record.
    """
    reader = RecordReader(source, chosen, damaged=damaged)
    building: dict[str, _Building] = {}
    for decoded, groups in _groups(reader, progress):
        for name, records in groups.items():
            if name not in building:
                building[name] = _Building(name, open_sink, with_log=source.logs > 1)
            building[name].take(decoded, records)
    changed = {name: table for name, table in building.items() if table.has_changed}
    if changed:
        for table in changed.values():
            table.begin_again()
        again = RecordReader(source, chosen, damaged=damaged)
        for decoded, groups in _groups(again, progress):
            for name, records in groups.items():
                if name in changed:
                    changed[name].take_again(decoded, records)
    return {name: table.result() for name, table in building.items()}, reader.damaged


def _groups(
    reader: RecordReader, progress: Progress
) -> Iterator[tuple[Decoded, dict[str, list[LogRecord]]]]:
    """Yield some records at a time, by their measurement's name."""
    position = 0
    for decoded in reader.chunks():
        groups: dict[str, list[LogRecord]] = {}
        for record in decoded.records:
            groups.setdefault(record.measurement_name, []).append(record)
        yield decoded, groups
        progress(reader.position - position)
        position = reader.position


class _Building:
    """One table, while its records are read."""

    def __init__(self, name: str, open_sink: OpenSink, *, with_log: bool) -> None:
        self._name = name
        self._finder = ColumnFinder(name, with_log=with_log)
        self._open = open_sink
        self._columns: list[Column] = []
        self._sink: TableSink | None = None
        self.has_changed = False
        """Whether the columns have changed since the first rows were written."""

    def take(self, decoded: Decoded, records: Sequence[LogRecord]) -> None:
        """Take some records for the first time."""
        known = self._finder.add(records)
        if self.has_changed:
            return
        columns = self._finder.columns()
        if self._sink is None:
            self._columns = columns
            self._sink = self._open(Table(self._name, columns))
        elif columns != self._columns:
            self.has_changed = True
            self._sink.discard()
            return
        self._sink.write(Batch(records, decoded.log, decoded.file, known))

    def begin_again(self) -> None:
        """Begin the table with its final columns."""
        self._sink = self._open(Table(self._name, self._finder.columns()))

    def take_again(self, decoded: Decoded, records: Sequence[LogRecord]) -> None:
        """Take some records for the second time."""
        assert self._sink is not None
        self._sink.write(Batch(records, decoded.log, decoded.file, {}))

    def result(self) -> Table:
        """Return the complete table."""
        return Table(self._name, self._finder.columns(), self._finder.records)
