"""Take the samples that clients hand over as memory on Windows: as file mappings without a file.

A client makes a mapping with a name that nobody can guess, and sends the name in its request. The
mapping ends with the processes that hold it, so there is nothing to remove. A server that runs in
another Windows session than the client, as a service does, does not find the name. Then the client
uses messages.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Iterable, Iterator

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.memory import is_name
from session_sharing.server import Attachment

from json_logger_server.shared_memory import SharedMemory, unusable

assert sys.platform == "win32"

_CHUNK = 256 * 1024
_READ = 4  # FILE_MAP_READ

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.OpenFileMappingW.restype = ctypes.c_void_p
_kernel.OpenFileMappingW.argtypes = [ctypes.c_uint32, ctypes.c_int, ctypes.c_wchar_p]
_kernel.MapViewOfFile.restype = ctypes.c_void_p
_kernel.MapViewOfFile.argtypes = [
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.c_uint32,
    ctypes.c_uint32,
    ctypes.c_size_t,
]
_kernel.UnmapViewOfFile.argtypes = [ctypes.c_void_p]
_kernel.CloseHandle.argtypes = [ctypes.c_void_p]


class MappedSamples:
    """The samples of one waveform in the memory of a client."""

    def __init__(self, address: int, size: int) -> None:
        """Take over a view of the memory; it is unmapped when nobody uses this object."""
        self._address = address
        self._size = size
        weakref.finalize(self, _kernel.UnmapViewOfFile, address)

    def __iter__(self) -> Iterator[memoryview]:
        """Yield the samples. A piece is valid until the next one."""
        buffer = bytearray(min(_CHUNK, self._size))
        into = (ctypes.c_char * len(buffer)).from_buffer(buffer)
        for done in range(0, self._size, _CHUNK):
            count = min(_CHUNK, self._size - done)
            ctypes.memmove(into, self._address + done, count)
            yield memoryview(buffer)[:count]


class WindowsMemory(SharedMemory):
    """The memory that clients hand over by its name."""

    def offer(self, attachment: Attachment) -> pb.ShareMemoryResponse:
        """See `SharedMemory`."""
        return pb.ShareMemoryResponse(mappings=True)

    def take(
        self, attachment: Attachment, about: pb.SamplesInMemory, size: int
    ) -> Iterable[memoryview]:
        """See `SharedMemory`."""
        if not is_name(about.mapping):
            return super().take(attachment, about, size)
        mapping = _kernel.OpenFileMappingW(_READ, 0, about.mapping)
        if not mapping:
            return super().take(attachment, about, size)
        try:
            address = _kernel.MapViewOfFile(mapping, _READ, 0, 0, size)
        finally:
            _kernel.CloseHandle(mapping)
        if not address:
            raise unusable("It has fewer bytes than the samples.")
        self.bytes += size
        return MappedSamples(address, size)
