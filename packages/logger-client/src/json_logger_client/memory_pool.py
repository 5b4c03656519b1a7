"""Keep the memory of one sender, and use it again when its samples are acknowledged.

New memory costs as much as the samples themselves, because the system fills it with zeros.
"""

from __future__ import annotations

import contextlib
import mmap
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb

from json_logger_client.shared_memory import SHORTEST_IN_MEMORY, SharedMemory

_MOST_MEMORIES = 16
"""Memories of one sender. Each takes up to two descriptors, of which a program may have few."""
_MOST_UNUSED = 64 * 1024 * 1024
"""Bytes that are kept for the next waveforms."""
_PATIENCE = 5.0
"""Seconds for the call that asks the server."""


class Memory(mmap.mmap):
    """Memory that another process can read. It ends with all its holders."""

    def reserve(self, size: int) -> memoryview:
        """Return the first `size` bytes. The system then has memory for them.

        Raises:
            OSError: There is no memory.
        """
        return memoryview(self)[:size]


class MemoryPool(SharedMemory, ABC):
    """The memory of one sender, on a system that has it."""

    def __init__(self) -> None:
        self.attachment = ""
        """The attachment for which the server takes memory; empty if it takes none."""
        self._answered_for = ""
        """The attachment for which the server has answered."""
        self._memories: weakref.WeakSet[Memory] = weakref.WeakSet()
        self._unused: deque[Memory] = deque()

    @abstractmethod
    def create(self, size: int) -> Memory:
        """Return new memory.

        Raises:
            OSError: There is none.
        """

    @abstractmethod
    def accept(self, offer: pb.ShareMemoryResponse) -> bool:
        """Do what the server's answer asks for. Return whether memory can be handed over.

        Raises:
            OSError: The server is on another host, or in another session.
        """

    def take(self, size: int) -> memoryview | None:
        """See `SharedMemory`."""
        if not self.attachment or size < SHORTEST_IN_MEMORY:
            return None
        try:
            memory = self._find(1 << (size - 1).bit_length())  # few sizes, so that memory fits
            return None if memory is None else memory.reserve(size)
        except (OSError, ValueError):
            return None

    def release(self, samples: Iterable[memoryview]) -> None:
        """See `SharedMemory`."""
        memories = {id(one.obj): one.obj for one in samples if isinstance(one.obj, Memory)}
        unused = sum(map(len, self._unused.copy()))
        for memory in memories.values():
            if unused + len(memory) <= _MOST_UNUSED:
                self._unused.append(memory)
                unused += len(memory)

    def forget_unused(self) -> None:
        """See `SharedMemory`."""
        self._unused.clear()

    def connect(self, channel: grpc.Channel, service: str, attachment: str) -> None:
        """See `SharedMemory`."""
        if attachment == self._answered_for:
            return
        ask = channel.unary_unary(
            f"/{service}/ShareMemory",
            request_serializer=pb.ShareMemoryRequest.SerializeToString,
            response_deserializer=pb.ShareMemoryResponse.FromString,
        )
        try:
            offer = ask(pb.ShareMemoryRequest(attachment=attachment), timeout=_PATIENCE)
        except (grpc.RpcError, ValueError) as error:
            if _is_refusal(error):
                self._answered_for = attachment
            return
        self._answered_for = attachment
        with contextlib.suppress(OSError):
            self.attachment = attachment if self.accept(offer) else ""

    def give_up(self) -> None:
        """See `SharedMemory`."""
        self.attachment = ""
        self._unused.clear()

    def _find(self, size: int) -> Memory | None:
        """Return memory that is not in use; None if too many are.

        Raises:
            OSError: New memory cannot be created.
        """
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            for _ in range(len(self._unused)):
                memory = self._unused.popleft()
                if len(memory) == size:
                    return memory
                self._unused.append(memory)
            if len(self._memories) >= _MOST_MEMORIES:
                self._unused.popleft()
        if len(self._memories) >= _MOST_MEMORIES:
            return None
        memory = self.create(size)
        self._memories.add(memory)
        return memory


def _is_refusal(error: Exception) -> bool:
    """Return whether a call failed because the server does not have it, as an older one."""
    return isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNIMPLEMENTED
