"""Digital levels on the nets of a bench: who drives them, and which ones they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

OUTPUT_RESISTANCE = 50.0
"""Ohms of a line that drives a net, unless its driver says otherwise."""

HIGH_FROM, LOW_TO = 2.0, 0.8
"""Volts from which on a net is high, and up to which it is low: those of TTL inputs."""


class Level(Enum):
    """The digital level of a net."""

    LOW = "low"
    HIGH = "high"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class NetDrive:
    """A voltage that somebody drives onto a net."""

    volts: float
    """The voltage against ground."""

    resistance: float = OUTPUT_RESISTANCE
    """The output resistance, in ohms."""


class NetDriver(ABC):
    """Drives nets, as the lines of a GPIO device do. Use it in a `with` statement.

    Its end releases all nets that it drives.
    """

    @abstractmethod
    def change(self, drives: Mapping[str, NetDrive], released: Collection[str] = ()) -> None:
        """Drive some nets from now on, and release others. All change at the same time.

        Raises:
            BenchError: The bench has no such net, or a value is invalid. Then nothing changes.
        """

    @abstractmethod
    def close(self) -> None:
        """Release all nets."""

    def drive(self, volts: Mapping[str, float], resistance: float = OUTPUT_RESISTANCE) -> None:
        """Drive nets from now on, or drive them in another way, all at the same time.

        Args:
            volts: The voltage of each net against ground.
            resistance: The output resistance of each line in ohms, above 0.

        Raises:
            BenchError: As for `change`.
        """
        self.change({net: NetDrive(value, resistance) for net, value in volts.items()})

    def release(self, *nets: str) -> None:
        """Stop to drive nets.

        Raises:
            BenchError: The bench has no such net.
        """
        self.change({}, nets)

    def __enter__(self) -> NetDriver:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def level_of(volts: float, high_from: float = HIGH_FROM, low_to: float = LOW_TO) -> Level:
    """Return the level of a voltage."""
    if volts >= high_from:
        return Level.HIGH
    return Level.LOW if volts <= low_to else Level.BETWEEN
