"""The events of a task, for the clients that have registered for them."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from device_sim.errors import DriverError, ErrorCode
from device_sim.timeline import LOOK

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.run import Run


class Kind(Enum):
    """The kinds of events."""

    DONE = "done"
    ACQUIRED = "every N samples acquired into the buffer"
    TRANSFERRED = "every N samples transferred from the buffer"
    SIGNAL = "signal"


@dataclass(slots=True)
class Registration:
    """One client's registration. Its stream takes the events from here."""

    kind: Kind
    """The kind of the events."""

    every: int = 1
    """The samples from one event to the next."""

    pending: int = 0
    """The events that its stream has not sent yet."""

    status: int = 0
    """The error that ended the run; 0 without one."""

    is_open: bool = True
    """False after the end of the registration."""

    _samples: int = 0

    def count(self, samples: int) -> None:
        """Count samples."""
        self._samples += samples
        self.pending += self._samples // self.every
        self._samples %= self.every

    @property
    def ahead(self) -> float:
        """The number of samples up to its next event; infinity if it is for the end of a run."""
        return math.inf if self.kind is Kind.DONE else self.every - self._samples

    def due(self, run: Run | None, now: float) -> float:
        """Return the time at which its next event may come; infinity if only a call makes one."""
        if run is None or run.finished:
            return math.inf
        if run.listens:
            return now + LOOK
        if self.kind is Kind.DONE:
            return run.due_at_end()
        return run.time_of(run.count + self.every - self._samples - 1)

    def restart(self) -> None:
        """Begin to count at 0 again."""
        self._samples = 0


class Events:
    """The registrations of one task.

    Args:
        changed: Notified when there are events, or a registration ends.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._registered: dict[Kind, Registration] = {}

    def register(self, kind: Kind, every: int, already: ErrorCode) -> Registration:
        """Register a client.

        Raises:
            DriverError: One is registered already.
        """
        if kind in self._registered:
            raise DriverError(already)
        found = self._registered[kind] = Registration(kind, every)
        return found

    def unregister(self, registration: Registration) -> None:
        """End a registration."""
        registration.is_open = False
        if self._registered.get(registration.kind) is registration:
            del self._registered[registration.kind]
        self._changed.notify_all()

    def end(self, kind: Kind) -> None:
        """End the registration of a kind, if there is one."""
        if kind in self._registered:
            self.unregister(self._registered[kind])

    def close(self) -> None:
        """End all registrations."""
        for registration in list(self._registered.values()):
            self.unregister(registration)

    def has_samples(self) -> bool:
        """Return whether a client wants events for samples."""
        return Kind.ACQUIRED in self._registered or Kind.TRANSFERRED in self._registered

    # For the runs.

    @property
    def ahead(self) -> float:
        """The number of samples up to the next event; infinity if no client waits for any."""
        return min((each.ahead for each in self._registered.values()), default=math.inf)

    def started(self) -> None:
        """Begin to count samples at 0."""
        for registration in self._registered.values():
            registration.restart()
        self._changed.notify_all()

    def acquired(self, samples: int) -> None:
        """Count samples that came into the buffer."""
        self._count((Kind.ACQUIRED, Kind.SIGNAL), samples)

    def transferred(self, samples: int) -> None:
        """Count samples that left the buffer."""
        self._count((Kind.TRANSFERRED, Kind.SIGNAL), samples)

    def done(self, status: int) -> None:
        """Tell the end of a run, with the error that ended it, 0 without one."""
        if Kind.DONE in self._registered:
            self._registered[Kind.DONE].status = status
            self._count((Kind.DONE,), 1)

    def _count(self, kinds: tuple[Kind, ...], samples: int) -> None:
        for kind in kinds:
            if kind in self._registered:
                self._registered[kind].count(samples)
        if self._registered:
            self._changed.notify_all()
