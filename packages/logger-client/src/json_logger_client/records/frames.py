"""Read logs as tables of Arrow, pandas and Polars."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from json_logger_client.records.arrow_types import ArrowTypes
from json_logger_client.records.columns import as_values
from json_logger_client.records.extras import needed
from json_logger_client.records.filtering import Chosen, RecordFilter, make_filter
from json_logger_client.records.reading import Damaged, open_source
from json_logger_client.records.sources import Source
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


def to_arrow(
    source: LogSource,
    *,
    damaged: Damaged = "raise",
    station: str | Iterable[str] | None = None,
    store_insecure: bool = False,
    **chosen: Unpack[Chosen],
) -> dict[str, pyarrow.Table]:
    """Read logs as one Arrow table for each measurement name.

    The columns and their types depend on all chosen records of the name; docs/reading-logs.md
    gives the rules. Needs the extra ``[arrow]``. Example::

        leakage = to_arrow("measurements.ndjson", name="leakage")["leakage"]

    Args:
        source: A log, a pattern, a list of these, the URL of a store, or an open session; see
            `read_log`.
        damaged: What to do with a line that is not a record: "raise" an error, or "skip" it.
        station: In a store, only the logs of this station, or of these.
        store_insecure: Read a store on another host also if TLS does not prove which host answers.
        chosen: Which records to take: name, since, until, writer, site, where; see `read_log`.

    Raises:
        ImportError: pyarrow is not installed.
        LimitExceededError: A measurement has too many different keys for columns.
        SessionSharingError: The same errors as `read_log`.
    """
    types = ArrowTypes()

    def frame(table: Table, batch: Batch) -> Any:
        return types.batch([as_values(batch.values(c), c.type) for c in table.columns], table)

    wanted = make_filter(**chosen)
    opened = open_source(source, wanted, station, store_insecure=store_insecure)
    return _frames(opened, damaged, wanted, frame, types.arrow.Table.from_batches)


def to_polars(
    source: LogSource,
    *,
    damaged: Damaged = "raise",
    station: str | Iterable[str] | None = None,
    store_insecure: bool = False,
    **chosen: Unpack[Chosen],
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

    wanted = make_filter(**chosen)
    opened = open_source(source, wanted, station, store_insecure=store_insecure)
    return _frames(opened, damaged, wanted, frame, library.concat)


def to_pandas(
    source: LogSource,
    *,
    damaged: Damaged = "raise",
    station: str | Iterable[str] | None = None,
    store_insecure: bool = False,
    **chosen: Unpack[Chosen],
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

    wanted = make_filter(**chosen)
    opened = open_source(source, wanted, station, store_insecure=store_insecure)
    return _frames(opened, damaged, wanted, frame, partial(library.concat, ignore_index=True))


def _frames(
    source: Source,
    damaged: Damaged,
    chosen: RecordFilter,
    make: Callable[[Table, Batch], Any],
    join: Callable[[list[Any]], Any],
) -> dict[str, Any]:
    """Return each table as one frame, joined from the frames of its rows."""
    frames: dict[str, _Frames] = {}

    def begin(table: Table) -> _Frames:
        frames[table.name] = _Frames(table, make)
        return frames[table.name]

    tables, _ = read_tables(source, begin, chosen, damaged)
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

    def write_lines(self, lines: bytes, log: str) -> int:
        """Take no lines."""
        return 0

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
