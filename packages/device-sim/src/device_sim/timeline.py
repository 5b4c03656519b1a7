"""One order of time for all instruments of a server.

What instruments do of themselves (the steps of a sequence, the samples of a record) is a script
that runs when somebody looks, each part of it at its own time. All scripts run in the order of
time, whoever looks, and before anything else changes: so each measurement meets the bench, and the
settings, as they were when it was made.
"""

from __future__ import annotations

import math
import threading
from typing import Protocol

from device_sim.errors import DeviceSimError


class Script(Protocol):
    """What an instrument does of itself."""

    def due(self) -> float:
        """Return the time of its next part; infinity if none is to come without help."""
        ...

    def run(self, until: float, now: float) -> None:
        """Do what is due at or before `until`, at least the next part; `now` is the present.

        Raises:
            DeviceSimError: It cannot be done.
        """
        ...

    def fail(self, error: DeviceSimError) -> None:
        """Keep the error of `run` for whoever asks for results; nothing is due any more."""
        ...


class Timeline:
    """The running scripts of a server."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held by whoever runs scripts or changes what they see; sessions and bench share it."""
        self._scripts: list[Script] = []

    def add(self, script: Script) -> None:
        """Run a script from now on."""
        with self.lock:
            self._scripts.append(script)

    def discard(self, script: Script | None) -> None:
        """Run a script no longer, if it runs."""
        with self.lock:
            self._scripts = [each for each in self._scripts if each is not script]

    def advance(self, now: float) -> None:
        """Let everything happen that is due, in the order of time.

        What fails is told to those who use that instrument, not to who happened to look.
        """
        with self.lock:
            while self._scripts:
                first = min(self._scripts, key=lambda script: script.due())
                if first.due() > now:
                    return
                others = (each.due() for each in self._scripts if each is not first)
                try:
                    first.run(min(now, *others, math.inf), now)
                except DeviceSimError as error:
                    first.fail(error)
