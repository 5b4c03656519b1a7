"""Write dates and times as text."""

from __future__ import annotations

from datetime import date, datetime, time, timezone


def as_text(value: datetime | date | time) -> str:
    """Return a date or time as RFC 3339 text, in UTC if it has a zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return value.isoformat()
