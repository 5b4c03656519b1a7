"""The open sessions, their instruments and channels, for those who look at the bench."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


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


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """An instrument of a session."""

    name: str
    """Its name, `SMU1`."""

    model: str
    """The model's full name."""

    vendor: str
    """The manufacturer."""

    serial_number: str
    """The serial number."""


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """An attribute of a driver."""

    name: str
    """The property of the Python class."""

    type: str
    """The type, such as `Boolean`, `Int32` or `String`."""

    owner: str
    """What has its own value: each channel, instrument or marker, or the session."""

    read_only: bool
    """Whether clients can only read it."""

    models: tuple[str, ...]
    """The models that have it. All others refuse it."""


class OpenSession(Protocol):
    """A session of any driver, as the server's table of sessions holds it."""

    @property
    def model_name(self) -> str:
        """The name of the model of its instruments; empty if it has none."""
        ...

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels in it, in order."""
        ...

    @property
    def instruments(self) -> list[DeviceFacts]:
        """Its instruments."""
        ...

    def overview(self) -> Iterator[tuple[str, ChannelState]]:
        """Yield the full name and the state of each channel."""
        ...

    def close(self) -> None:
        """End its activity and leave the bench."""
        ...
