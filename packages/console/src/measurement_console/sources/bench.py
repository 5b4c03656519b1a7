"""Follow the bench of the simulated instruments, while a browser shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

from measurement_console.bench.readings import Readings
from measurement_console.bench.view import BenchView, make_view
from measurement_console.errors import ServiceCallError
from measurement_console.reflected import ReflectedService
from measurement_console.sources.found_service import FoundService
from measurement_console.sources.health import Health, HealthBook
from measurement_console.sources.platform import Platform
from measurement_console.sources.worker import Worker

DEVICE_SERVER_CLASS = "ni.measurementlink.v1.grpcdeviceserver"
"""Class under which discovery knows the device server, NI's own and the simulated one."""

_SERVICE = "device_sim.v1.Bench"
_PAUSE = 0.5
"""The bench has no call that reports changes, so the console asks it so often."""
_LOOK = 5.0
"""Seconds after a browser has looked in which the bench is asked."""


class Bench:
    """The bench, as it was when it was asked last."""

    def __init__(self, platform: Platform, changed: Callable[[], None]) -> None:
        """Prepare to follow the bench.

        Args:
            platform: Knows where the device server is.
            changed: Called after every change, in a thread of its own.
        """
        self._service = FoundService(platform, DEVICE_SERVER_CLASS, _SERVICE)
        self._changed = changed
        remedy = "platform-sim up --bench bench.toml"
        self._book = HealthBook("Simulated bench", remedy, changed)
        self._looked_at = -_LOOK
        self.view = BenchView()
        self.readings = Readings()
        """The last readings, while browsers look."""
        self.picture_number = 0
        """Grows when the picture of the wiring has changed."""
        self._worker = Worker("bench", self._ask, _PAUSE)
        self.start, self.stop = self._worker.start, self._worker.stop

    @property
    def health(self) -> Health:
        """Whether the bench is there. It is old while no browser looks."""
        return self._book.health

    def join(self, seconds: float) -> None:
        """Wait for the thread, and close the connection."""
        self._worker.join(seconds)
        self._service.close()

    def look(self) -> None:
        """Say that a browser shows the bench. Any thread may say so."""
        was_watched = self._is_watched
        self._looked_at = time.monotonic()
        if not was_watched:
            self._worker.hurry()

    def service(self) -> ReflectedService:
        """Return the service, for actions.

        Raises:
            ServiceCallError: It is not there.
        """
        return self._service.get()

    def refresh(self) -> None:
        """Ask again at once, because something was changed."""
        self._worker.hurry()

    @property
    def _is_watched(self) -> bool:
        return time.monotonic() - self._looked_at < _LOOK

    def _ask(self) -> None:
        if not self._is_watched:
            self.readings.clear()
            return
        try:
            service = self._service.get()
            methods = ("ListSessions", "ListChannels", "ListParts", "ListFaults")
            sessions, channels, parts, faults = (service.call(method) for method in methods)
        except ServiceCallError as error:
            self.readings.clear()
            self._note(BenchView())
            self._book.went(str(error))
            return
        self.readings.add(time.monotonic(), channels.channels)
        self._note(make_view(sessions, channels, parts, faults))
        self._changed()
        self._book.came(self._service.address)

    def _note(self, view: BenchView) -> None:
        if view != self.view:
            self.picture_number += view.wiring != self.view.wiring
            self.view = view
            self._changed()
