"""The state of a channel for people who look at the bench."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A configured value."""

    name: str
    """Such as `voltage level`."""

    value: float
    """In the unit."""

    unit: str = ""
    """Such as `V`; empty without one."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What a session says about one of its channels."""

    output_on: bool | None = None
    """Whether the output is on; None if the channel has no output."""

    setpoints: tuple[Quantity, ...] = ()
    """The configured values."""
