"""A driver of nets in the process of the bench."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from device_sim.nets import NetDrive, NetDriver


class LineDriver(NetDriver):
    """Drives nets of a bench.

    Args:
        name: Its name, for the lists of people.
        change: Change the bench. It is called with this driver, the nets to drive, and those to
            release.
    """

    def __init__(
        self,
        name: str,
        change: Callable[[LineDriver, Mapping[str, NetDrive], Collection[str]], None],
    ) -> None:
        self.name = name
        self.drives: Mapping[str, NetDrive] = {}
        """The nets that it drives."""
        self._change = change

    def change(self, drives: Mapping[str, NetDrive], released: Collection[str] = ()) -> None:
        """Drive some nets and release others."""
        self._change(self, drives, released)

    def close(self) -> None:
        """Release all nets."""
        self._change(self, {}, tuple(self.drives))
