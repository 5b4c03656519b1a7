"""Hand over the samples of waveforms as memory on Windows, as file mappings without a file."""

from __future__ import annotations

import sys

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.memory import new_name

from json_logger_client.memory_pool import Memory, MemoryPool

assert sys.platform == "win32"


class Mapping(Memory):
    """A mapping that the server finds by its name, which nobody can guess."""

    name: str

    @classmethod
    def create(cls, size: int) -> Mapping:
        """Return a new one.

        Raises:
            OSError: There is no memory.
        """
        name = f"Local\\{new_name()}"
        mapping = cls(-1, size, tagname=name)
        mapping.name = name
        return mapping


class WindowsMemory(MemoryPool):
    """The mappings of one sender."""

    def create(self, size: int) -> Memory:
        """See `MemoryPool`."""
        return Mapping.create(size)

    def accept(self, offer: pb.ShareMemoryResponse) -> bool:
        """See `MemoryPool`."""
        return offer.mappings

    def hand_over(self, samples: memoryview, attachment: str) -> pb.SamplesInMemory | None:
        """See `SharedMemory`."""
        mapping = samples.obj
        if attachment != self.attachment or not isinstance(mapping, Mapping):
            return None
        return pb.SamplesInMemory(mapping=mapping.name)
