"""The GPIO lines of a device: in memory, or of hardware behind the same two methods."""

from __future__ import annotations

from typing import Protocol

from device_comm.names import PORTS, WHOLE_PORT


class Lines(Protocol):
    """The lines of one open device, 8 on each port. The device calls one method at a time.

    The methods may wait; they run in worker threads.
    """

    def write(self, port: int, mask: int, state: int) -> None:
        """Drive the lines in the mask: high where `state` has a 1, otherwise low.

        Raises:
            SessionSharingError: The hardware did not do it.
        """

    def read(self, port: int) -> int:
        """Return the level of each line of a port as a bit; line 0 is the lowest.

        Raises:
            SessionSharingError: The hardware does not answer.
        """

    def release(self) -> None:
        """Drive no line any more, because the session ends."""


class MemoryLines:
    """Lines without hardware: what is written reads back, and all lines begin low."""

    def __init__(self) -> None:
        self._states = [0] * PORTS

    def write(self, port: int, mask: int, state: int) -> None:
        """See `Lines.write`."""
        kept = self._states[port] & ~mask
        self._states[port] = (kept | state & mask) & WHOLE_PORT

    def read(self, port: int) -> int:
        """See `Lines.read`."""
        return self._states[port]

    def release(self) -> None:
        """See `Lines.release`."""
