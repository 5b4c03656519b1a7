"""Follow the sequences of the platform, and the events of their runs."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from measurement_console.errors import ServiceCallError
from measurement_console.reflected import ReflectedService
from measurement_console.sequences.run_view import RunView, word
from measurement_console.sources.found_service import FoundService
from measurement_console.sources.health import Health, HealthBook
from measurement_console.sources.platform import Platform
from measurement_console.sources.worker import Worker

SERVICE = "platform_sim.v1.Sequences"
_PAUSE = 1.0
"""The service has no call that reports new runs, so the console asks it so often."""
_MOST_WATCHED = 24
"""Runs that are watched at once. The service runs fewer at once; the rest are old ones."""
_REMEDY = "platform-sim up --sequences FOLDER"


@dataclass(frozen=True, slots=True)
class SequenceFile:
    """A sequence or a pin map in the folders of the platform."""

    path: str
    folder: str
    refusal: str
    """Why it cannot be used, and what to do; "" if it can."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a sequence, as the service lists it."""

    run_id: str
    sequence: str
    pin_map: str
    sites: tuple[int, ...]
    started_at: datetime
    is_terminating: bool
    uut: str
    """Serial number of the unit under test, or ""."""
    outcome: str
    """How it ended, such as "passed"; "" while it runs."""


@dataclass(frozen=True, slots=True)
class SequenceState:
    """What the service has said last. It is empty while the service is not there."""

    files: tuple[SequenceFile, ...] = ()
    pin_maps: tuple[SequenceFile, ...] = ()
    runs: tuple[Run, ...] = field(default=())
    """The latest first."""


class Sequences:
    """The sequences and runs of the platform."""

    def __init__(self, platform: Platform, changed: Callable[[], None]) -> None:
        """Prepare to follow the sequences.

        Args:
            platform: Knows where the service is.
            changed: Called after every change, in a thread of its own.
        """
        self._service = FoundService(platform, SERVICE, SERVICE)
        self._changed = changed
        self._book = HealthBook("Sequences", _REMEDY, changed)
        self._views: dict[str, RunView] = {}
        self._watching: set[str] = set()
        self._lock = threading.Lock()
        self.state = SequenceState()
        self._worker = Worker("sequences", self._ask, _PAUSE)
        self.start, self.stop = self._worker.start, self._worker.stop

    @property
    def health(self) -> Health:
        """Whether the service is there."""
        return self._book.health

    def join(self, seconds: float) -> None:
        """Wait for the thread, and close the connection, which ends the streams."""
        self._worker.join(seconds)
        self._service.close()

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs, the latest first. A run whose end was read has ended, whatever is listed."""
        return tuple(map(self._with_its_end, self.state.runs))

    def service(self) -> ReflectedService:
        """Return the service, for actions.

        Raises:
            ServiceCallError: It is not there.
        """
        return self._service.get()

    def refresh(self) -> None:
        """Ask again at once, because something was changed."""
        self._worker.hurry()

    def view(self, run_id: str) -> RunView | None:
        """Return the table of a run so far; None before its events were read."""
        return self._views.get(run_id)

    def find(self, run_id: str) -> Run | None:
        """Return a run; None if the service does not list it."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    def _ask(self) -> None:
        try:
            service = self._service.get()
            state = _state_of(service.call("List"))
        except ServiceCallError as error:
            self._note(SequenceState())
            self._book.went(str(error))
            return
        self._note(state)
        self._book.came(self._service.address)
        for run in state.runs:
            self._follow(service, run.run_id)

    def _with_its_end(self, run: Run) -> Run:
        view = self._views.get(run.run_id)
        return replace(run, outcome=view.outcome) if view and view.outcome else run

    def _note(self, state: SequenceState) -> None:
        """Keep what the service has said, and the tables of the runs that it lists."""
        if state == self.state:
            return
        listed = {run.run_id for run in state.runs}
        for run_id in self._views.keys() - listed:
            del self._views[run_id]
        self.state = state
        self._changed()

    def _follow(self, service: ReflectedService, run_id: str) -> None:
        """Watch a run in a thread, if its end was not read yet and no thread watches it."""
        view = self._views.get(run_id)
        with self._lock:
            is_read = view is not None and view.outcome
            if is_read or run_id in self._watching or len(self._watching) >= _MOST_WATCHED:
                return
            self._watching.add(run_id)
        watch = threading.Thread(
            target=self._watch, args=(service, run_id), name="watch run", daemon=True
        )
        watch.start()

    def _watch(self, service: ReflectedService, run_id: str) -> None:
        """Add the events of a run to its table. A stream that breaks is begun again by `_ask`."""
        view = self._views.get(run_id) or RunView()
        try:
            for event in service.stream("Watch", run_id=run_id, first_number=view.revision + 1):
                view = copy.copy(view)  # the pages read the old one
                view.rows, view.notes = list(view.rows), list(view.notes)
                view.add(event)
                self._views[run_id] = view
                self._changed()
        except ServiceCallError:
            self._worker.hurry()  # it says why the service is not there
        finally:
            with self._lock:
                self._watching.discard(run_id)


def _state_of(answer: Any) -> SequenceState:
    return SequenceState(
        files=tuple(map(_file, answer.sequences)),
        pin_maps=tuple(map(_file, answer.pin_maps)),
        runs=tuple(map(_run, reversed(answer.runs))),
    )


def _file(file: Any) -> SequenceFile:
    return SequenceFile(file.path, file.folder, file.refusal)


def _run(run: Any) -> Run:
    return Run(
        run_id=run.run_id,
        sequence=run.sequence,
        pin_map=run.pin_map,
        sites=tuple(run.sites),
        started_at=run.started_at.ToDatetime(timezone.utc),
        is_terminating=run.is_terminating,
        uut=run.uut,
        outcome=word(run.ended, "outcome") if run.HasField("ended") else "",
    )
