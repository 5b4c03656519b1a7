"""Hand over the samples of waveforms as memory, if the system and the server can do that."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb

SHORTEST_IN_MEMORY = 256 * 1024
"""Bytes of samples from which on memory is faster than messages."""


class SharedMemory:
    """The memory of one sender, on a system without it.

    Any thread may call `take`. The threads that send call the other methods.
    """

    def take(self, size: int) -> memoryview | None:
        """Return memory for the samples of one waveform; None if they go in messages.

        Args:
            size: The bytes of the samples.
        """
        return None

    def release(self, samples: Iterable[memoryview]) -> None:
        """Use the memory of acknowledged samples again."""

    def forget_unused(self) -> None:
        """Give the memory of acknowledged samples back to the system."""

    def connect(self, channel: grpc.Channel, service: str, attachment: str) -> None:
        """Ask the server whether it takes memory, until it has answered for this attachment.

        If that is not possible, samples go in messages.
        """

    def hand_over(self, samples: memoryview, attachment: str) -> pb.SamplesInMemory | None:
        """Send the memory of one waveform to the server.

        Returns:
            What the request says about it; None if the samples must go in messages.
        """
        return None

    def give_up(self) -> None:
        """Send samples in messages until there is another attachment."""


def shared_memory() -> SharedMemory:
    """Return the memory for a new sender on this system."""
    memory = SharedMemory()
    if sys.platform == "linux":
        from json_logger_client.linux_memory import LinuxMemory

        memory = LinuxMemory()
    elif sys.platform == "win32":
        from json_logger_client.windows_memory import WindowsMemory

        memory = WindowsMemory()
    return memory
