"""One record of a log, as Python values."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec


class LogRecord(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One record of a log. A field that the record does not have is empty, 0 or None."""

    timestamp: datetime
    """Time of the measurement, in UTC, rounded to the microsecond. A time without a zone counts as
    UTC."""
    measurement_name: str
    measurement_configurations: dict[str, Any] = {}
    """The settings of the measurement, by name."""
    measurement_outputs: dict[str, Any]
    """The measured values, by name."""
    seq: int | None = None
    """Number of the record in the log. Only records that the server wrote have one."""
    client: str = ""
    """The client that wrote it; empty for a client of the reference protocol."""
    client_seq: int | None = None
    """Number of the record in the client's count."""
    writer: str = ""
    """The client's description of itself."""
    units: Any = None
    """Units by output. This and the next fields are as they were written; `json-logger verify
    --schema` checks them."""
    limits: Any = None
    """Limits by output: an object with `low`, `high` and `nominal`, or a list of such objects, one
    for each element of the output."""
    status: Any = None
    """`passed`, `failed`, `aborted` or `error`."""
    uut: Any = None
    """The unit under test: an object with `serial`, `part` and `lot`."""
    station: Any = None
    operator: Any = None
    sequence: Any = None
    """The sequence that measured: an object with `file`, `step` and `execution`."""

    @property
    def file(self) -> str:
        """Path of the file that has the record; empty for a record that a server sent."""
        return str(self.__dict__.get("file", ""))

    def be_in_utc(self) -> None:
        """Give the record its time in UTC. A time without a zone counts as UTC.

        Raises:
            OverflowError: In UTC, the time is before the year 1 or after 9999.
        """
        if self.timestamp.tzinfo is not timezone.utc:
            msgspec.structs.force_setattr(self, "timestamp", in_utc(self.timestamp))

    @property
    def log(self) -> str:
        """Path of the log: `file` without the number of a rotated file."""
        return str(self.__dict__.get("log", ""))

    @property
    def is_reference(self) -> bool:
        """Whether a client of the reference protocol wrote it. All its values are texts."""
        return self.seq is not None and not self.client


_decoder = msgspec.json.Decoder(LogRecord)
decode_many = _decoder.decode_lines
"""Decode whole lines; raises one of `UNREADABLE` for the first line that is not a record."""
decode_one = _decoder.decode
"""Decode one line; raises one of `UNREADABLE` if it is not a record."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)


def in_utc(moment: datetime) -> datetime:
    """Return a time in UTC. A time without a zone counts as UTC.

    Raises:
        OverflowError: In UTC, the time is before the year 1 or after 9999.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)
