"""Follow the store to which the loggers of many stations copy their records."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from json_logger_client.records import StoredLog, stored_logs
from session_sharing import SessionSharingError

from measurement_console.sources.health import Health, HealthBook
from measurement_console.sources.worker import Worker

_PAUSE = 3.0
_IDLE = 15.0
"""Seconds after which a store that nobody looks at is no longer asked."""


@dataclass(frozen=True, slots=True)
class StationLog:
    """A log of a station, and how fast it grows."""

    log: StoredLog
    rate: float
    """Records that arrived in a second, between the last two looks."""

    @property
    def lag(self) -> float | None:
        """Seconds from the last measurement to its arrival in the store; None if not known."""
        if self.log.stored is None or self.log.measured is None:
            return None
        return max(0.0, (self.log.stored - self.log.measured).total_seconds())


class Stations:
    """The logs in a store. The store is asked only while a browser shows them."""

    def __init__(self, url: str, *, insecure: bool, changed: Callable[[], None]) -> None:
        """Prepare to follow a store.

        Args:
            url: The store; empty for none.
            insecure: Connect also if TLS does not prove which host answers.
            changed: Called after every change, in a thread of its own.
        """
        self.has_store = bool(url)
        self.logs: tuple[StationLog, ...] = ()
        self._url = url
        self._insecure = insecure
        self._changed = changed
        self._book = HealthBook("Store", "json-logger store status --store URL", changed)
        self._asked = 0.0
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}
        self._worker = Worker("stations", self._look, _PAUSE)
        self.stop, self.join = self._worker.stop, self._worker.join

    @property
    def health(self) -> Health:
        """Whether the store answers."""
        return self._book.health

    def start(self) -> None:
        """Begin to follow, if there is a store."""
        if self.has_store:
            self._worker.start()

    def ask(self) -> None:
        """Say that a browser shows the stations."""
        was_idle = time.monotonic() - self._asked > _IDLE
        self._asked = time.monotonic()
        if was_idle:
            self._worker.hurry()

    def _look(self) -> None:
        if time.monotonic() - self._asked > _IDLE:
            return
        try:
            found = stored_logs(self._url, insecure=self._insecure)
        except (SessionSharingError, ImportError) as error:
            self._book.went(str(error))
            return
        logs = tuple(StationLog(log, self._rate(log)) for log in found)
        if logs != self.logs:
            self.logs = logs
            self._changed()
        self._book.came("PostgreSQL")

    def _rate(self, log: StoredLog) -> float:
        now = time.monotonic()
        before, count = self._counts.get((log.station, log.name), (now, log.last_seq))
        self._counts[log.station, log.name] = (now, log.last_seq)
        return (log.last_seq - count) / (now - before) if now > before else 0.0
