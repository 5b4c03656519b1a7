"""A session with one activity at a time: that of a multimeter, a scope or a generator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from device_sim.base.instrument import InstrumentSession
from device_sim.base.script import Activity

A = TypeVar("A", bound=Activity)


class AcquiringSession(InstrumentSession, Generic[A]):
    """A session whose channels start and stop together.

    A subclass makes the activity with `make_activity` and drives the bench with `connect`.
    """

    activity: A | None = None
    """The activity since initiate."""

    @abstractmethod
    def make_activity(self, now: float) -> A:
        """Return the configured activity, started at a time."""

    def connect(self, now: float) -> None:
        """Connect the terminals to the bench as the attributes say."""

    def disconnect(self, now: float) -> None:
        """Take the terminals off the bench."""

    def initiate(self, indices: Sequence[int] = ()) -> None:
        """Start the configured activity."""
        now = self.now
        self.timeline.discard(self.activity)
        self.connect(now)
        self.activity = self.make_activity(now)
        self.timeline.add(self.activity)

    def abort(self, indices: Sequence[int] = ()) -> None:
        """End the activity and drop its results."""
        self.timeline.discard(self.activity)
        self.activity = None
        with self.lock:
            self.lock.notify_all()

    def disable(self) -> None:
        """End the activity."""
        self.abort()

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """End the activity and set the attributes to their defaults."""
        self.abort()
        self.attributes.reset()
        self.connect(self.now)

    def close(self) -> None:
        """End the activity and disconnect from the terminals."""
        with self.lock:
            self.catch_up()
            self.abort()
            self.disconnect(self.now)
