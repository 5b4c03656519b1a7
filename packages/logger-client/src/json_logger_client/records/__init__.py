"""Read the records of logs: from files, also while they are written, or from an open session.

Start with `read_log`.
"""

from json_logger_client.records.errors import DamagedLogError, DamagedWaveformError
from json_logger_client.records.filtering import Condition, RecordFilter, make_filter
from json_logger_client.records.following import DiskTail
from json_logger_client.records.frames import to_arrow, to_pandas, to_polars
from json_logger_client.records.reading import RecordReader, read_log
from json_logger_client.records.record import LogRecord
from json_logger_client.records.waveforms import Waveform

__all__ = [
    "Condition",
    "DamagedLogError",
    "DamagedWaveformError",
    "DiskTail",
    "LogRecord",
    "RecordFilter",
    "RecordReader",
    "Waveform",
    "make_filter",
    "read_log",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
