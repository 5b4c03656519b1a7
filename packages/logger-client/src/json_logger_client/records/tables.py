"""Read logs as tables, one for each measurement name.

The type of a column depends on all its values, and is known only at the end. So the rows are
written with the columns of the records so far. A table whose columns change later is written again,
after the columns were found in all its records. Memory stays small.

A sink can take the lines of a table directly, as long as all values have the type of their column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from json_logger_client.records.columns import Column, ColumnFinder, Path
from json_logger_client.records.filtering import RecordFilter
from json_logger_client.records.reading import Damaged, RecordReader
from json_logger_client.records.record import LogRecord
from json_logger_client.records.server_lines import lines_by_name
from json_logger_client.records.sources import Lines, Source, WaveformSource

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
    waveforms: WaveformSource | None = None
    """What reads their waveforms; None for files beside the log."""

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

    def write_lines(self, lines: bytes, log: str) -> int:
        """Take some lines, if the sink can read them and all values have the type of their column.

        Args:
            lines: Whole lines as the server writes them.
            log: Path of their log.

        Returns:
            The number of rows; 0 if nothing was taken.
        """
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
    chosen = chosen or RecordFilter()
    reader = RecordReader(source, chosen, damaged=damaged)
    tables: dict[str, _Building] = {}
    for lines in source.lines():
        by_name = _lines_by_name(lines, tables, chosen)
        own = by_name or {}
        taken = {n for n in own if n in tables and tables[n].take_lines(own[n], lines.log)}
        if by_name is None or not tables or taken < own.keys():
            for name, records in _groups(reader, lines):
                if name not in tables:
                    tables[name] = _Building(name, open_sink, with_log=source.logs > 1)
                if name not in taken:
                    tables[name].take(lines, records, own.get(name, b""))
        progress(len(lines.data))
    changed = {name: table for name, table in tables.items() if table.has_changed}
    if changed:
        _write_again(changed, source, chosen, damaged)
    return {name: table.result() for name, table in tables.items()}, reader.damaged


def _write_again(
    tables: dict[str, _Building], source: Source, chosen: RecordFilter, damaged: Damaged
) -> None:
    """Find the final columns of some tables in all records, and then write them."""
    for step in (_Building.look_again, _Building.write_again):
        reader = RecordReader(source, chosen, damaged=damaged)
        for lines in source.lines():
            for name, records in _groups(reader, lines):
                if name in tables:
                    step(tables[name], lines, records)


def _lines_by_name(
    lines: Lines, tables: Mapping[str, _Building], chosen: RecordFilter
) -> dict[str, bytes] | None:
    """Return the chosen lines of each measurement for the sinks; None if they cannot take lines."""
    is_first = not tables
    if not chosen.is_by_name or not (is_first or any(table.is_quick for table in tables.values())):
        return None
    by_name = lines_by_name(lines.data)
    if by_name is None or not chosen.names:
        return by_name
    return {name: by_name[name] for name in by_name.keys() & chosen.names}


def _groups(reader: RecordReader, lines: Lines) -> Iterator[tuple[str, list[LogRecord]]]:
    """Yield the records of each measurement."""
    groups: dict[str, list[LogRecord]] = {}
    for record in reader.decode(lines):
        groups.setdefault(record.measurement_name, []).append(record)
    yield from groups.items()


class _Building:
    """One table, while its records are read."""

    def __init__(self, name: str, open_sink: OpenSink, *, with_log: bool) -> None:
        self._name = name
        self._with_log = with_log
        self._finder = ColumnFinder(name, with_log=with_log)
        self._open = open_sink
        self._columns: list[Column] = []
        self._sink: TableSink | None = None
        self._rows_of_lines = 0
        self.has_changed = False
        """Whether the columns have changed since the first rows were written."""
        self.is_quick = False
        """Whether the sink may take lines."""

    def take(self, lines: Lines, records: Sequence[LogRecord], own_lines: bytes) -> None:
        """Take some records for the first time.

        Args:
            lines: The lines among which they are.
            records: The records.
            own_lines: Their lines, if sinks may take them.
        """
        if self.has_changed:
            return
        known = self._finder.add(records)
        columns = self._finder.columns()
        is_new = self._sink is None
        if self._sink is None:
            self._columns = columns
            self._sink = self._open(Table(self._name, columns))
        elif columns != self._columns:
            self._begin_again(self._sink)
            return
        self.is_quick = self._finder.is_settled
        may_take_lines = is_new and self.is_quick and own_lines
        if not (may_take_lines and self._sink.write_lines(own_lines, lines.log)):
            self._sink.write(Batch(records, lines.log, lines.file, known, lines.waveforms))

    def take_lines(self, lines: bytes, log: str) -> bool:
        """Let the sink take lines; return whether it did."""
        rows = self._sink.write_lines(lines, log) if self._sink and self.is_quick else 0
        self._rows_of_lines += rows
        return rows > 0

    def look_again(self, lines: Lines, records: Sequence[LogRecord]) -> None:
        """Note the values of some records, after the columns have changed."""
        self._finder.add(records)

    def write_again(self, lines: Lines, records: Sequence[LogRecord]) -> None:
        """Write some records with the final columns."""
        if self._sink is None:
            self._sink = self._open(Table(self._name, self._finder.columns()))
        self._sink.write(Batch(records, lines.log, lines.file, {}, lines.waveforms))

    def result(self) -> Table:
        """Return the complete table."""
        rows = self._finder.records + self._rows_of_lines
        return Table(self._name, self._finder.columns(), rows)

    def _begin_again(self, sink: TableSink) -> None:
        sink.discard()
        self._sink = None
        self._finder = ColumnFinder(self._name, with_log=self._with_log)
        self._rows_of_lines = 0
        self.has_changed, self.is_quick = True, False
