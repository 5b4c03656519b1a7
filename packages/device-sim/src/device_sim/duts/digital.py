"""The base of digital devices under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from device_sim.errors import BenchError

Drive = Callable[[str, "bool | None", float], None]
"""Drive a pin high or low, or not at all (None), after some seconds."""


class DigitalDevice:
    """A digital device on the nets of a bench.

    Derive a class, name its pins, and write `on_edge`. The bench calls it for each edge at an
    input, in the order of time, and with the exact time. The options of the bench file are the
    arguments of the constructor. The methods run in the server while it holds its lock, so they
    must be short, and must not wait. They have no access to the bench but their pins.
    """

    inputs: ClassVar[tuple[str, ...]] = ()
    """The names of the pins that it looks at."""

    outputs: ClassVar[tuple[str, ...]] = ()
    """The names of the pins that it can drive. A pin may be both."""

    delay: float = 10e-9
    """Seconds from an edge to the change of an output, unless `drive` is told otherwise."""

    _drive: Drive
    _levels: dict[str, bool]

    def on_start(self) -> None:
        """Do what the device does when the bench begins. All its inputs are low then."""

    def on_edge(self, pin: str, is_high: bool, time: float) -> None:
        """React to an edge at an input.

        Args:
            pin: The input.
            is_high: Its level from now on.
            time: The time of the edge, in seconds of the server's clock.
        """

    def set_value(self, name: str, value: float) -> None:
        """Set a value by its name, for tests: `bench.set("U1", name=value)`.

        Raises:
            BenchError: The device has no such value, or the value is invalid.
        """
        raise BenchError(f"The device has no value '{name}' that can be set.")

    # Methods for derived classes.

    def is_high(self, pin: str) -> bool:
        """Return the level of an input."""
        return self._levels[pin]

    def drive(self, pin: str, is_high: bool, delay: float | None = None) -> None:
        """Drive an output.

        Args:
            pin: The output.
            is_high: Its level.
            delay: Seconds until then, at least 1 ns; None for `self.delay`.
        """
        self._drive(pin, is_high, self.delay if delay is None else delay)

    def release(self, pin: str, delay: float | None = None) -> None:
        """Stop to drive an output; see `drive`."""
        self._drive(pin, None, self.delay if delay is None else delay)

    # A method for the bench.

    def attach(self, drive: Drive) -> None:
        """Connect the device with its pins, and start it."""
        self._drive = drive
        self._levels = dict.fromkeys(self.inputs, False)
        self.on_start()

    def put_edge(self, pin: str, is_high: bool, time: float) -> None:
        """Set the level of an input, and let the device react."""
        self._levels[pin] = is_high
        self.on_edge(pin, is_high, time)
