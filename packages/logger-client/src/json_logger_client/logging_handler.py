"""A handler of Python's `logging` that writes to a shared log file."""

from __future__ import annotations

import logging
import os
from datetime import datetime, timezone
from typing import Any

import orjson
from session_sharing.client import (
    ClosePolicy,
    ConnectOptions,
    InvalidArgumentError,
    SessionOptions,
)

from json_logger_client.background_log import BackgroundLog, Entry
from json_logger_client.encoding import encode_value, text_of

_SHARED = SessionOptions(close_policy=ClosePolicy.WITH_LAST_ATTACHMENT)
_OWN_LOGGERS = ("grpc", "json_logger_client", "session_sharing")
_ORDINARY = {*vars(logging.makeLogRecord({})), "asctime", "message", "taskName"}
"""Attributes of log records that are not extra fields."""
_OWN_OUTPUTS = ("exception", "level", "message", "stack")
_OVERHEAD = 500
"""Approximate bytes of a record without its texts."""


class JsonLoggerHandler(logging.Handler):
    """Writes log records into a log file that several programs share.

    Add it to a logger::

        logging.getLogger().addHandler(JsonLoggerHandler("station.ndjson"))
        logging.getLogger("bench").warning("too hot", extra={"temperature": 81.5})

    A log record becomes a record with the logger's name as measurement name. Its outputs are
    `level`, `message`, the extra fields, and `exception` and `stack` where they exist. An extra
    field with one of these names gets the prefix `extra_`. Its configurations say where the log
    record comes from. A formatter is not used.

    A call of a logger never waits for the server: a background thread opens the log and writes. The
    log records wait while the server is away. If too many wait, new ones are dropped. Then standard
    error says so, and the log gets a record with the output `dropped` as soon as it can be written.

    The end of the program writes the remaining log records. A forked child process opens the log by
    itself. Log records of this client, and of gRPC, are ignored.
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        level: int | str = logging.NOTSET,
        *,
        measurement_name: str = "",
        connection: ConnectOptions | None = None,
        options: SessionOptions = _SHARED,
        max_waiting_bytes: int = 16 * 1024 * 1024,
        flush_timeout: float = 2.0,
    ) -> None:
        """Prepare the handler. The first log record opens the log.

        Args:
            file_path: Name of the file. A relative name starts at the server's first log folder.
            level: Lowest level that is written.
            measurement_name: Measurement name of all records; empty for the name of the logger. Use
                it when readers must find all log records by one name.
            connection: How to reach the server; None to find it, as `JsonLoggerClient` does.
            options: How to open the session. By default, the last program that leaves closes it.
            max_waiting_bytes: Approximate bytes of log records that may wait. Make it larger if the
                server may be away for long and there is enough memory.
            flush_timeout: Seconds for which `flush` and `close` wait, also at the end of the
                program. Make it longer if no log record may be lost at the end.
        """
        super().__init__(level)
        self._measurement_name = measurement_name
        self._flush_timeout = flush_timeout
        self._log = BackgroundLog(
            os.fspath(file_path), connection, options, max_waiting_bytes, self._describe_loss
        )

    @property
    def dropped(self) -> int:
        """Number of log records that this process dropped."""
        return self._log.dropped

    @property
    def waiting(self) -> int:
        """Number of log records that are not known to be in the file."""
        return self._log.waiting

    def emit(self, record: logging.LogRecord) -> None:
        """Take a log record, without waiting."""
        # A log record about the writing would cause another one.
        if record.name.partition(".")[0] in _OWN_LOGGERS or self._log.is_own_thread:
            return
        try:
            self._log.put(self._entry(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Wait until all log records are written, for at most `flush_timeout` seconds."""
        self._log.flush(self._flush_timeout)

    def close(self) -> None:
        """Flush, and leave the log's session. Later log records are dropped."""
        self._log.close(self._flush_timeout)
        super().close()

    def _entry(self, record: logging.LogRecord) -> Entry:
        outputs: dict[str, Any] = {"level": record.levelname, "message": record.getMessage()}
        if record.exc_info and record.exc_info[0] is not None:
            outputs["exception"] = logging.Formatter().formatException(record.exc_info)
        elif record.exc_text:
            outputs["exception"] = record.exc_text
        if record.stack_info:
            outputs["stack"] = record.stack_info
        for name, value in vars(record).items():
            if name not in _ORDINARY:
                outputs[f"extra_{name}" if name in _OWN_OUTPUTS else name] = value
        encoded = {text_of(name): _encoded(value) for name, value in outputs.items()}
        source = {
            "logger": text_of(record.name),
            "file": text_of(record.pathname),
            "line": record.lineno,
            "function": record.funcName,
            "process": record.process,
            "thread": record.threadName,
        }
        return Entry(
            self._measurement_name or text_of(record.name),
            source,
            {name: orjson.Fragment(value) for name, value in encoded.items()},
            datetime.fromtimestamp(record.created, timezone.utc),
            _OVERHEAD + sum(map(len, encoded.values())),
        )

    def _describe_loss(self, count: int) -> Entry:
        outputs = {
            "level": "WARNING",
            "message": f"{count} log records were dropped.",
            "dropped": count,
        }
        name = self._measurement_name or __package__
        source = {"logger": __package__, "process": os.getpid()}
        return Entry(name, source, outputs, datetime.now(timezone.utc), 0)


def _encoded(value: object) -> bytes:
    """Encode a value at once, because the program may change it later.

    A value that JSON does not have is written as text.
    """
    try:
        return encode_value(value)
    except InvalidArgumentError:
        return encode_value(text_of(value))
