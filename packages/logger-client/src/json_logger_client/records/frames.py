"""Read logs as tables of Arrow, pandas and Polars."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from json_logger_client.records.columns import as_values
from json_logger_client.records.filtering import Chosen, make_filter
from json_logger_client.records.reading import Damaged, open_source
from json_logger_client.records.tables import Batch, Table, read_tables
from json_logger_client.records.types import ColumnType

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    from typing_extensions import Unpack

    from json_logger_client.records.reading import LogSource

_PANDAS_TYPES = {
    "boolean": "boolean",
    "int64": "Int64",
    "uint64": "UInt64",
    "float64": "float64",
    "time": "datetime64[us, UTC]",
    "text": "string",
    "waveform": "string",
    "json": "string",
    "list": "object",
}


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


def to_arrow(
    source: LogSource, *, damaged: Damaged = "raise", **chosen: Unpack[Chosen]
) -> dict[str, pyarrow.Table]:
    """Read logs as one Arrow table for each measurement name.

    The columns and their types depend on all chosen records of the name; docs/reading-logs.md
    gives the rules. Needs the extra ``[arrow]``. Example::

        leakage = to_arrow("measurements.ndjson", name="leakage")["leakage"]

    Args:
        source: A log, a pattern, a list of these, or an open session; see `read_log`.
        damaged: What to do with a line that is not a record: "raise" an error, or "skip" it.
        chosen: Which records to take: name, since, until, writer, site, where; see `read_log`.

    Raises:
        ImportError: pyarrow is not installed.
        LimitExceededError: A measurement has too many different keys for columns.
        SessionSharingError: The same errors as `read_log`.
    """
    types = ArrowTypes()

    def frame(table: Table, batch: Batch) -> Any:
        return types.batch([as_values(batch.values(c), c.type) for c in table.columns], table)

    return _frames(source, damaged, chosen, frame, types.arrow.Table.from_batches)


def to_polars(
    source: LogSource, *, damaged: Damaged = "raise", **chosen: Unpack[Chosen]
) -> dict[str, polars.DataFrame]:
    """Read logs as one Polars frame for each measurement name; see `to_arrow`.

    Needs the extra ``[polars]``.

    Raises:
        ImportError: polars is not installed.
        LimitExceededError: A measurement has too many different keys for columns.
        SessionSharingError: The same errors as `read_log`.
    """
    library = needed("polars", "polars")

    def frame(table: Table, batch: Batch) -> Any:
        columns = {
            column.name: library.Series(
                as_values(batch.values(column), column.type),
                dtype=_polars_type(library, column.type),
            )
            for column in table.columns
        }
        return library.DataFrame(columns)

    return _frames(source, damaged, chosen, frame, library.concat)


def to_pandas(
    source: LogSource, *, damaged: Damaged = "raise", **chosen: Unpack[Chosen]
) -> dict[str, pandas.DataFrame]:
    """Read logs as one pandas frame for each measurement name; see `to_arrow`.

    Integers, booleans and texts have pandas' nullable types. A missing number of a float column is
    NaN, because pandas' floats have nothing else. Needs the extra ``[pandas]``.

    Raises:
        ImportError: pandas is not installed.
        LimitExceededError: A measurement has too many different keys for columns.
        SessionSharingError: The same errors as `read_log`.
    """
    library = needed("pandas", "pandas")

    def frame(table: Table, batch: Batch) -> Any:
        columns = {
            column.name: library.Series(
                as_values(batch.values(column), column.type),
                dtype=_PANDAS_TYPES[column.type.kind],
            )
            for column in table.columns
        }
        return library.DataFrame(columns)

    return _frames(source, damaged, chosen, frame, partial(library.concat, ignore_index=True))


def _frames(
    source: LogSource,
    damaged: Damaged,
    chosen: Chosen,
    make: Callable[[Table, Batch], Any],
    join: Callable[[list[Any]], Any],
) -> dict[str, Any]:
    """Return each table as one frame, joined from the frames of its rows."""
    frames: dict[str, _Frames] = {}

    def begin(table: Table) -> _Frames:
        frames[table.name] = _Frames(table, make)
        return frames[table.name]

    tables, _ = read_tables(open_source(source), begin, make_filter(**chosen), damaged)
    return {name: join(frames[name].parts) for name in tables}


class _Frames:
    """The frames of one table."""

    def __init__(self, table: Table, make: Callable[[Table, Batch], Any]) -> None:
        self._table = table
        self._make = make
        self.parts: list[Any] = []

    def write(self, batch: Batch) -> None:
        """Make a frame of some rows."""
        self.parts.append(self._make(self._table, batch))

    def discard(self) -> None:
        """Forget all frames."""
        self.parts.clear()


def _polars_type(polars: Any, kind: ColumnType) -> Any:
    if kind.element is not None:
        return polars.List(_polars_type(polars, kind.element))
    types = {
        "boolean": polars.Boolean,
        "int64": polars.Int64,
        "uint64": polars.UInt64,
        "float64": polars.Float64,
        "time": polars.Datetime("us", "UTC"),
    }
    return types.get(kind.kind, polars.String)


def needed(module: str, extra: str) -> Any:
    """Return a module that an extra of this package installs.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This needs {module}, which is not installed: "
            f"pip install 'json-logger-client[{extra}]'"
        ) from error
