"""Copy all logs of a server into a store, in a thread: one block of each log after the other."""

from __future__ import annotations

import contextlib
import logging
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from json_logger_proto.log_files.rotated import RotatedFile
from json_logger_proto.store import StoreAddress, StoreError

from json_logger_server.store.copying import GrowingLog, LogCopy
from json_logger_server.store.files import find_logs, name_below
from json_logger_server.store.pace import Pace
from json_logger_server.store.statements import Statements
from json_logger_server.store.waveforms import LONGEST_WAVEFORM, references_in

_log = logging.getLogger(__name__)

_TURN = 0.2
"""Seconds between two looks for new records."""
_SEARCH_EVERY = 60.0
"""Seconds between two searches of the log folders for logs that this server has not open."""
_SEARCH_SHARE = 0.05
"""Largest share of the time that searches take; large folders are searched less often."""
_ENTRIES = 50
"""Entries of folders that are looked at between two blocks."""
_SEARCH_PAUSE = 0.01
"""Seconds between them, so that callers are served."""
_SHORTEST, _LONGEST = 0.5, 30.0
"""Seconds between two tries to connect."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Which store a server copies its logs to."""

    address: StoreAddress
    """The store; `parse_address` makes it of a URL."""
    station: str
    """Name of the station in the store. Use the same name for ever: with another one, all logs
    count as new."""
    longest_waveform: int = LONGEST_WAVEFORM
    """Bytes up to which the samples of a waveform are copied; 0 for none. The samples of a longer
    one are only in the station's file."""


@dataclass(slots=True)
class Figures:
    """What the forwarder has done; other threads may read it."""

    records: int = 0
    """Records that were copied."""
    parked: int = 0
    """Of these, records that the store keeps as bytes, because it refuses their lines."""
    outages: int = 0
    """How often the store went away."""
    searches: int = 0
    """How often all log folders were searched for logs."""
    waiting_logs: int = 0
    """Logs with something that is not copied yet."""
    refused_logs: int = 0
    """Of these, logs that cannot be copied until somebody acts."""
    away_since: float | None = None
    """Monotonic time at which the store went away; None while it is there."""
    oldest: float | None = None
    """Monotonic time of the oldest change that is not copied yet; None if all are."""

    def gauges(self) -> Mapping[str, Callable[[], float]]:
        """Return the figures as functions, by their names in the server's counters."""
        return {
            "store_records": lambda: self.records,
            "store_parked": lambda: self.parked,
            "store_outages": lambda: self.outages,
            "store_waiting_logs": lambda: self.waiting_logs,
            "store_refused_logs": lambda: self.refused_logs,
            "store_away_seconds": lambda: _age(self.away_since),
            "store_lag_seconds": lambda: _age(self.oldest),
        }


@dataclass(slots=True)
class _Work:
    """A log with something to copy."""

    copy: LogCopy
    since: float
    """Monotonic time of the oldest change that is not copied."""
    due: float = 0.0
    """Monotonic time before which there is nothing to do."""


class Forwarder:
    """Copies what is new in the logs of a server. Callers of the server never wait for it."""

    def __init__(self, options: StoreOptions, folders: tuple[Path, ...]) -> None:
        """Prepare to copy; `start` starts the thread.

        Args:
            options: The store.
            folders: Log folders. Logs in them that no session has open are copied, too.
        """
        self.figures = Figures()
        self._options = options
        self._folders = folders
        self._changed: dict[Path, float] = {}
        """Written by other threads: logs with new records, and the time of the first."""
        self._opened: dict[Path, GrowingLog] = {}
        """Written by other threads: logs that were opened since the last turn."""
        self._copies: dict[Path, LogCopy] = {}
        """Logs that are open, or have something to copy."""
        self._work: dict[Path, _Work] = {}
        self._seen: dict[Path, tuple[int, ...]] = {}
        """Logs in the folders that were copied, as they were then."""
        self._whole: dict[tuple[int, int], int] = {}
        self._store: Statements | None = None
        self._search = _Search(folders)
        self._pace = Pace()
        self._pause = _SHORTEST
        self._next_try = 0.0
        self._said = ""
        self._stopping = threading.Event()
        self._deadline = 0.0
        self._tried_at_end = False
        self._thread = threading.Thread(target=self._run, name="store-forwarder", daemon=True)

    def start(self) -> None:
        """Start to copy."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Copy what is left for some seconds, and stop. The rest is copied at the next start."""
        self._deadline = time.monotonic() + seconds
        self._stopping.set()
        self._thread.join(seconds)

    def follow(self, log: GrowingLog) -> None:
        """Copy what is written to a log from now on, and what is in it already."""
        path = log.file.path
        self._opened[path] = log
        self._note(path, None)
        log.listen(partial(self._note, path))

    def has_whole(self, rotated: RotatedFile) -> bool:
        """Return whether the store has every line of a rotated file, and every waveform."""
        last_seq = self._whole.get(rotated.identity)
        if last_seq is None:
            return False
        lines, longest = 0, self._options.longest_waveform
        with rotated.path.open("rb") as file:
            for line in file:
                lines += 1
                if any(one.size > longest for one in references_in(line, sys.maxsize)):
                    return False
        return lines == last_seq - rotated.first_seq + 1

    def _note(self, path: Path, _: object) -> None:
        """Note that a log has changed. Called for every group of records, so it must be cheap."""
        if path not in self._changed:
            self._changed[path] = time.monotonic()

    def _run(self) -> None:
        next_look = 0.0
        while not self._is_over():
            if time.monotonic() >= next_look or self._stopping.is_set():
                self._take_changes()
                next_look = time.monotonic() + _TURN
            self._add_found()
            try:
                busy = self._turn()
            except Exception:
                _log.exception("Copying to the store failed.")
                self._go_away("Copying to the store failed unexpectedly")
                busy = False
            if not busy:
                self._rest()
        if self._store is not None:
            self._store.close()

    def _rest(self) -> None:
        if self._stopping.is_set():
            time.sleep(_SEARCH_PAUSE)
        else:
            self._stopping.wait(_SEARCH_PAUSE if self._search.is_under_way else _TURN)

    def _is_over(self) -> bool:
        if not self._stopping.is_set():
            return False
        if time.monotonic() >= self._deadline or (self._store is None and self._tried_at_end):
            return True
        left = any(not work.copy.problem for work in self._work.values())
        return not (left or self._changed)

    def _take_changes(self) -> None:
        """Take over what other threads have noted.

        They note a change after they have made it. So it is seen, also if they find the log noted
        in the moment in which it is taken from the list.
        """
        for path in list(self._opened):
            self._copy_of(path).growing = self._opened.pop(path)
        for path in list(self._changed):
            self._add(path, self._changed.pop(path))
        self._sum_up()  # until they are copied, the figures say that they wait

    def _add(self, path: Path, since: float) -> None:
        work = self._work.setdefault(path, _Work(self._copy_of(path), since))
        if not work.copy.problem:
            work.due = 0.0

    def _copy_of(self, path: Path) -> LogCopy:
        if path not in self._copies:
            name = name_below(path, self._folders)
            copy = LogCopy(
                path,
                name,
                self._options.station,
                whole=self._whole,
                longest_waveform=self._options.longest_waveform,
            )
            self._copies[path] = copy
        return self._copies[path]

    def _add_found(self) -> None:
        """Add the logs that the search has found, and that have changed since they were copied."""
        if self._stopping.is_set():
            return
        for path in self._search.more():
            with contextlib.suppress(OSError):
                state = _state_of(path)
                if path not in self._copies and self._seen.get(path) != state:
                    self._add(path, time.monotonic())
                    self._seen[path] = state

    def _turn(self) -> bool:
        """Copy one block of each log that has something; return whether there may be more."""
        now = time.monotonic()
        due = [path for path, work in self._work.items() if work.due <= now]
        if due and self._connect():
            for path in due:
                if self._stopping.is_set() and now >= self._deadline:
                    break
                self._step(path)
        self._sum_up()
        return bool(due) and self._store is not None

    def _step(self, path: Path) -> None:
        """Copy one block of a log."""
        work = self._work[path]
        copy, before = work.copy, work.copy.problem
        if self._store is None:
            return
        try:
            copied = copy.step(self._store, self._pace)
        except StoreError as error:
            self._go_away(str(error))
            return
        if copy.problem and copy.problem != before:
            _log.error("The store does not take %s: %s", path, copy.problem)
        if copied.parked:
            _log.error(
                "The store refuses a record of %s, and keeps it as bytes. `json-logger store "
                "status` says why.",
                path,
            )
        self.figures.records += copied.records
        self.figures.parked += copied.parked
        if copied.again_in is not None:
            work.due = time.monotonic() + copied.again_in
            return
        del self._work[path]
        if copy.growing is None:
            del self._copies[path]

    def _connect(self) -> bool:
        """Return whether the store is there; connect if it is time to try."""
        if self._store is not None:
            return True
        if self._stopping.is_set():
            if self._tried_at_end:
                return False
            self._tried_at_end = True
        elif time.monotonic() < self._next_try:
            return False
        try:
            self._store = Statements(self._options.address)
        except StoreError as error:
            self._go_away(str(error))
            return False
        if self.figures.away_since is not None:
            _log.warning("The store %s is back.", self._options.address.shown)
        self.figures.away_since = None
        self._said = ""
        self._pause = _SHORTEST
        self._ask_about_all()
        return True

    def _ask_about_all(self) -> None:
        """Believe nothing that an earlier connection said: the store may be a restored backup."""
        self._whole.clear()
        self._seen.clear()
        self._search.begin_again()
        for path, copy in self._copies.items():
            copy.look_again()
            self._add(path, time.monotonic())

    def _go_away(self, why: str) -> None:
        """Note that the store cannot be used now, and when to try again."""
        if self._store is not None:
            self._store.close()
            self._store = None
        if self.figures.away_since is None:
            self.figures.away_since = time.monotonic()
            self.figures.outages += 1
        if why != self._said:
            self._said = why
            _log.warning("%s. Records stay in their files, and are copied later.", why.rstrip("."))
        self._next_try = time.monotonic() + self._pause * random.uniform(0.5, 1.0)  # noqa: S311
        self._pause = min(self._pause * 2, _LONGEST)

    def _sum_up(self) -> None:
        work = [*self._work.values()]
        self.figures.waiting_logs = len(work)
        self.figures.refused_logs = sum(bool(item.copy.problem) for item in work)
        self.figures.oldest = min((item.since for item in work), default=None)
        self.figures.searches = self._search.finished


class _Search:
    """Looks for logs in the log folders, some entries at a time, again and again."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        self._entries: Iterator[Path | None] | None = None
        self._began = self._next = time.monotonic()
        self.finished = 0
        """How often all folders were searched."""

    def begin_again(self) -> None:
        """Search from the beginning now."""
        self._entries = None
        self._next = time.monotonic()

    @property
    def is_under_way(self) -> bool:
        return self._entries is not None

    def more(self) -> Iterator[Path]:
        """Look at some more entries; yield the logs among them."""
        if self._entries is None:
            if time.monotonic() < self._next:
                return
            self._began = time.monotonic()
            self._entries = find_logs(self._folders)
        for _ in range(_ENTRIES):
            try:
                path = next(self._entries)
            except StopIteration:
                took = time.monotonic() - self._began
                self._next = time.monotonic() + max(_SEARCH_EVERY, took / _SEARCH_SHARE)
                self._entries = None
                self.finished += 1
                return
            if path is not None:
                yield path


def _state_of(path: Path) -> tuple[int, ...]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _age(since: float | None) -> float:
    return 0.0 if since is None else time.monotonic() - since
