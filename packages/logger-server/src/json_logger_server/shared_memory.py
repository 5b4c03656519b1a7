"""Take samples that clients on this host hand over as memory, where the system can do that."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from session_sharing import InvalidArgumentError, LimitExceededError
from session_sharing.server import Attachment


class SharedMemory:
    """The memory of clients, on a system without it. Used in the event loop only."""

    def __init__(self) -> None:
        self.bytes = 0
        """Bytes of samples that came as memory."""

    def offer(self, attachment: Attachment) -> pb.ShareMemoryResponse:
        """Return how a client hands over memory.

        The answer is empty if the client must use messages: the system has no such memory, or too
        many clients use it.
        """
        return pb.ShareMemoryResponse()

    def take(
        self, attachment: Attachment, about: pb.SamplesInMemory, size: int
    ) -> Iterable[memoryview]:
        """Return samples that a client has handed over. A piece is valid until the next one.

        Args:
            attachment: The attachment of the client.
            about: What the request says about the memory.
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
    elif sys.platform == "win32":
        from json_logger_server.windows_memory import WindowsMemory

        memory = WindowsMemory()
    return memory


def unusable(why: str) -> InvalidArgumentError:
    """Return the error of a memory that cannot be used; `why` is a sentence."""
    return InvalidArgumentError(f"The memory with the samples of a waveform cannot be used. {why}")
