"""Define what a page can show live beside its sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A named event for the JavaScript of a page."""

    event: str
    """Name of the event."""
    data: str
    """Its data, as JSON."""
    position: int
    """The position of the feed after this message."""


class Feed(Protocol):
    """Something that grows, such as the points of a plot.

    A feed keeps a bounded part of what it had. A reader asks for what came after a position. So a
    slow browser costs no memory: it gets what is left, and the feed tells it what it missed.
    """

    def since(self, position: int) -> Sequence[Message]:
        """Return what came after a position.

        Args:
            position: A position that the feed returned, 0 for the beginning.
        """
        ...

    def close(self) -> None:
        """Free the feed: its browser has gone."""
        ...
