"""Read the records of logs: from files, from an open session, or from a store of many stations.

Logs may be written meanwhile. Start with `read_log`; `to_pandas`, `to_polars` and `to_arrow` return
tables. The other names are for programs that convert records in their own way.
"""

from json_logger_client.records.arrow_types import ArrowLines, ArrowTypes
from json_logger_client.records.columns import Column, as_json, as_values
from json_logger_client.records.errors import DamagedLogError, DamagedWaveformError
from json_logger_client.records.filtering import Condition, RecordFilter, make_filter
from json_logger_client.records.following import DiskTail
from json_logger_client.records.frames import to_arrow, to_pandas, to_polars
from json_logger_client.records.reading import Damaged, RecordReader, open_source, read_log
from json_logger_client.records.record import LogRecord
from json_logger_client.records.restoring import Restorer, as_text
from json_logger_client.records.sources import FileSource, Lines, Source, find_logs
from json_logger_client.records.store import (
    StoredLine,
    StoredLog,
    StoreSource,
    StoreTail,
    is_store,
    stored_logs,
)
from json_logger_client.records.tables import Batch, Table, TableSink, read_tables
from json_logger_client.records.types import ColumnType
from json_logger_client.records.waveforms import Waveform, as_waveform, import_numpy

__all__ = [
    "ArrowLines",
    "ArrowTypes",
    "Batch",
    "Column",
    "ColumnType",
    "Condition",
    "Damaged",
    "DamagedLogError",
    "DamagedWaveformError",
    "DiskTail",
    "FileSource",
    "Lines",
    "LogRecord",
    "RecordFilter",
    "RecordReader",
    "Restorer",
    "Source",
    "StoreSource",
    "StoreTail",
    "StoredLine",
    "StoredLog",
    "Table",
    "TableSink",
    "Waveform",
    "as_json",
    "as_text",
    "as_values",
    "as_waveform",
    "find_logs",
    "import_numpy",
    "is_store",
    "make_filter",
    "open_source",
    "read_log",
    "read_tables",
    "stored_logs",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
