"""Choose records: by name, time, writer, site, and value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypedDict

from session_sharing import InvalidArgumentError

from json_logger_client.records.record import UNREADABLE, LogRecord, decode_one
from json_logger_client.records.restoring import as_written

SITES = "measurement_sites"
"""The output in which plug-ins write the site of each element of the other outputs."""

_AGO = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OWN_FIELDS = ("client", "status", "station", "operator", "uut", "units", "limits", "sequence")


@dataclass(frozen=True, slots=True)
class Condition:
    """A value that a record must have.

    It holds if the value is equal, or if an element of the list is. Numbers are equal by value:
    10 is 10.0.
    """

    key: str
    """Key of a configuration, of an output, or of the record; `a.b` is the key `b` in the object
    `a`."""
    values: tuple[Any, ...]
    """Values as they are written in the log; one of them must be there."""

    def holds(self, record: LogRecord) -> bool:
        """Return whether a record has the value. The record's values are not restored yet."""
        return any(
            _equal(value, wanted) for value in _values(record, self.key) for wanted in self.values
        )


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records a reader returns. A record must fulfil every condition that is set."""

    names: frozenset[str] = frozenset()
    """Names of measurements; empty for all."""
    since: datetime | None = None
    """Earliest time of the measurement. A time without a zone is local time."""
    until: datetime | None = None
    """The time must be before this one."""
    writers: tuple[str, ...] = ()
    """Parts of the writer's description; one of them must occur in it."""
    sites: frozenset[str] = frozenset()
    """Sites as texts; the record must have an element of one of them."""
    where: tuple[Condition, ...] = ()
    """Values that the record must have."""

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, moment.astimezone(timezone.utc))

    @property
    def is_empty(self) -> bool:
        """Whether every record is chosen."""
        return self == _EVERYTHING

    @property
    def is_by_name(self) -> bool:
        """Whether the name alone decides."""
        return self == RecordFilter(names=self.names)

    def accepts(self, record: LogRecord) -> bool:
        """Return whether a record is chosen. Its values are not restored yet."""
        if self.names and record.measurement_name not in self.names:
            return False
        if self.since is not None and record.timestamp < self.since:
            return False
        if self.until is not None and record.timestamp >= self.until:
            return False
        if self.writers and not any(part in record.writer for part in self.writers):
            return False
        if self.sites and not self.sites.intersection(map(str, _sites(record))):
            return False
        return all(condition.holds(record) for condition in self.where)

    def accepts_line(self, line: bytes) -> bool:
        """Return whether a line is chosen. Only without a condition is a line that is no record."""
        if self.is_empty:
            return True
        try:
            record = decode_one(line)
            record.be_in_utc()
        except UNREADABLE:
            return False
        return self.accepts(record)


_EVERYTHING = RecordFilter()


class Chosen(TypedDict, total=False):
    """The arguments of `make_filter`, and so of every reader."""

    name: str | Iterable[str] | None
    since: datetime | str | None
    until: datetime | str | None
    writer: str | Iterable[str] | None
    site: int | str | Iterable[int | str] | None
    where: Mapping[str, Any] | Iterable[str] | None


def make_filter(
    *,
    name: str | Iterable[str] | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    writer: str | Iterable[str] | None = None,
    site: int | str | Iterable[int | str] | None = None,
    where: Mapping[str, Any] | Iterable[str] | None = None,
) -> RecordFilter:
    """Return the filter that a reader's arguments or a command's options mean.

    Args:
        name: Name of the measurement, or several names.
        since: Earliest time: a datetime, or a text for `parse_time`.
        until: The time must be before this one.
        writer: A part of the writer's description, or several; one must occur.
        site: A site, or several.
        where: Values by key; or texts KEY=VALUE for `parse_condition`.

    Raises:
        InvalidArgumentError: A text is not a time or not a condition.
    """
    if isinstance(where, Mapping):
        conditions = [Condition(key, (as_written(value),)) for key, value in where.items()]
    else:
        conditions = [*map(parse_condition, where or ())]
    return RecordFilter(
        names=frozenset(several(name)),
        since=parse_time(since) if isinstance(since, str) else since,
        until=parse_time(until) if isinstance(until, str) else until,
        writers=tuple(several(writer)),
        sites=frozenset(map(str, several(site))),
        where=tuple(conditions),
    )


def parse_time(text: str) -> datetime:
    """Return the time that a text means: `2026-01-31`, `2026-01-31T12:00`, `30m` or `7d` ago.

    A time without a zone is local time.

    Raises:
        InvalidArgumentError: The text is not a time.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            seconds = float(ago[1]) * _SECONDS[ago[2]]
            return datetime.now(timezone.utc) - timedelta(seconds=seconds)
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise InvalidArgumentError(
            f"{text!r} is not a time. Write for example 2026-01-31, 2026-01-31T12:00:00Z, or 30m, "
            "2h or 7d for so long ago."
        ) from error


def parse_condition(text: str) -> Condition:
    """Return the condition that `KEY=VALUE` means. The value is a text; if it is JSON, also that.

    Raises:
        InvalidArgumentError: The text has no `=`, or no key before it.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidArgumentError(f"{text!r} is not a condition. Write KEY=VALUE.")
    try:
        return Condition(key, (value, json.loads(value)))
    except (ValueError, RecursionError):
        return Condition(key, (value,))


def several(wanted: Any) -> Iterable[Any]:
    """Return the values that one value, several values or None mean."""
    if wanted is None:
        return ()
    return (wanted,) if isinstance(wanted, (str, int)) else wanted


def _sites(record: LogRecord) -> list[Any]:
    found = record.measurement_outputs.get(SITES)
    return found if isinstance(found, list) else []


def _values(record: LogRecord, key: str) -> Iterator[Any]:
    """Yield the values of a key in the configurations, in the outputs, and in the record itself."""
    for place in (record.measurement_configurations, record.measurement_outputs):
        yield from _values_in(place, key)
    name, _, rest = key.partition(".")
    if name in _OWN_FIELDS:
        value = getattr(record, name)
        yield from _values_in(value, rest) if rest else (value,)


def _values_in(place: Any, key: str) -> Iterator[Any]:
    """Yield the value of a key in an object; `a.b` is also the key `b` in the object `a`."""
    if not isinstance(place, dict):
        return
    if key in place:
        yield place[key]
    name, dot, rest = key.partition(".")
    if dot and name in place:
        yield from _values_in(place[name], rest)


def _equal(value: Any, wanted: Any) -> bool:
    """Return whether values are equal. A boolean is no number."""
    if isinstance(value, list) and not isinstance(wanted, list):
        return any(_equal(item, wanted) for item in value)
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)
