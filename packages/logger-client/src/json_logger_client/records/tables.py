"""Read logs as tables, one for each measurement name.

The records are read twice: first to find the columns and their types from all of them, then to
take the values. So a type is never guessed from the first records, and memory stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from json_logger_client.records.columns import Column, ColumnFinder
from json_logger_client.records.filtering import RecordFilter
from json_logger_client.records.reading import Damaged, RecordReader
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
    rows: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a table, in their order."""

    table: Table
    records: Sequence[LogRecord]
    """The records of the rows, with values as JSON has them."""

    def values(self, column: Column) -> list[Any]:
        """Return the values of a column as JSON has them."""
        return column.values(self.records)


class TableReader:
    """Reads the chosen records of a source as tables."""

    def __init__(
        self,
        source: Source,
        chosen: RecordFilter | None = None,
        damaged: Damaged = "raise",
        progress: Progress = lambda size: None,
    ) -> None:
        """Find the tables and their columns. This reads all records once.

        Args:
            source: The lines.
            chosen: Which records to take; None for all.
            damaged: What to do with a line that is not a record.
            progress: Is told the bytes that were read. In all, these are twice the source's size.

        Raises:
            SessionSharingError: A log cannot be read, or a line is not a record.
        """
        self._source, self._chosen, self._damaged = source, chosen, damaged
        self._progress = progress
        finders: dict[str, ColumnFinder] = {}
        self.damaged = 0
        """Lines that are not records."""
        for groups in self._groups():
            for name, records in groups.items():
                finder = finders.get(name) or finders.setdefault(name, ColumnFinder(name))
                finder.add(records)
        several = source.logs > 1
        self.tables = {
            name: Table(name, finder.columns(with_log=several), finder.records)
            for name, finder in finders.items()
        }
        """The tables by the measurement's name, in the order of their first records."""

    def batches(self) -> Iterator[Batch]:
        """Read all records again, and yield their rows, some at a time.

        Raises:
            SessionSharingError: A log cannot be read.
        """
        for groups in self._groups():
            for name, records in groups.items():
                yield Batch(self.tables[name], records)

    def _groups(self) -> Iterator[dict[str, list[LogRecord]]]:
        """Yield some records at a time, by their measurement's name."""
        reader = RecordReader(self._source, self._chosen, damaged=self._damaged)
        position = 0
        for records in reader.chunks():
            groups: dict[str, list[LogRecord]] = {}
            for record in records:
                groups.setdefault(record.measurement_name, []).append(record)
            yield groups
            self._progress(reader.position - position)
            position = reader.position
        self.damaged = reader.damaged
