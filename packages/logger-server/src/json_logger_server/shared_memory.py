"""Take samples that clients on this host hand over as memory, where the system can do that."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from session_sharing import LimitExceededError
from session_sharing.server import Attachment


class SharedMemory:
    """The memory of clients, on a system without it. Used in the event loop only."""

    def __init__(self) -> None:
        self.bytes = 0
        """Bytes of samples that came as memory."""

    def open(self, attachment: Attachment) -> tuple[str, int] | None:
        """Open a socket for a client.

        Returns:
            The name and the number of the socket. None if the client must use messages: the system
            has no memory files, or too many sockets are open.
        """
        return None

    def take(
        self, attachment: Attachment, number: int, memory: int, size: int
    ) -> Iterable[memoryview]:
        """Return samples that a client has handed over.

        Args:
            attachment: The attachment of the client.
            number: The number of its socket.
            memory: The number of the memory.
            size: The bytes of the samples.

        Raises:
            LimitExceededError: The memory has not arrived. The client must send the samples again,
                in messages.
            InvalidArgumentError: The memory is too small, or can become too small.
        """
        raise LimitExceededError(
            "The server did not get the memory with the samples of a waveform. Send them in the "
            "message.",
            limit="memory",
        )


def shared_memory() -> SharedMemory:
    """Return the memory of clients on this system. Call this in the event loop."""
    memory = SharedMemory()
    if sys.platform == "linux":
        from json_logger_server.linux_memory import LinuxMemory

        memory = LinuxMemory()
    return memory
