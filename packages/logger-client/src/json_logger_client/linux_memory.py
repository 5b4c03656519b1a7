"""Hand over the samples of waveforms as memory on Linux, as memory files (memfd).

The server offers a unix socket. The descriptor of a memory file goes over it, before the request
that needs the samples goes over gRPC. The samples stay in the file until they are acknowledged, so
that they can also be sent again in messages.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import socket
import sys
import weakref

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.memory import NUMBER, is_name
from session_sharing.same_user import is_of_same_user

from json_logger_client.memory_pool import Memory, MemoryPool

assert sys.platform == "linux"

_PASSING = (errno.EAGAIN, errno.ETOOMANYREFS)
"""Errors that end when the server has read the descriptors that are under way."""


class MemoryFile(Memory):
    """A memory file."""

    descriptor: int
    _reserved = 0

    @classmethod
    def create(cls, size: int) -> MemoryFile:
        """Return a new one. The server requires that it cannot be shortened.

        Raises:
            OSError: There is no memory, or there are no descriptors.
        """
        descriptor = os.memfd_create("json-logger-samples", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
            file = cls(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        file.descriptor = descriptor
        weakref.finalize(file, os.close, descriptor)
        return file

    def reserve(self, size: int) -> memoryview:
        """See `Memory`. Without this, the system would end the process if it had no memory."""
        if size > self._reserved:
            os.posix_fallocate(self.descriptor, 0, size)
            self._reserved = size
        return super().reserve(size)


class LinuxMemory(MemoryPool):
    """The memory files of one sender, and its socket to the server."""

    def __init__(self) -> None:
        super().__init__()
        self._socket: HandingSocket | None = None

    def create(self, size: int) -> Memory:
        """See `MemoryPool`."""
        return MemoryFile.create(size)

    def accept(self, offer: pb.ShareMemoryResponse) -> bool:
        """See `MemoryPool`."""
        self._socket = None
        self._socket = HandingSocket(offer) if offer.socket_name else None
        return self._socket is not None

    def hand_over(self, samples: memoryview, attachment: str) -> pb.SamplesInMemory | None:
        """See `SharedMemory`."""
        file, to_server = samples.obj, self._socket
        if to_server is None or attachment != self.attachment or not isinstance(file, MemoryFile):
            return None
        try:
            return to_server.send(file.descriptor)
        except OSError as error:
            if error.errno not in _PASSING:
                self.give_up()
            return None

    def give_up(self) -> None:
        """See `SharedMemory`."""
        super().give_up()
        self._socket = None


class HandingSocket:
    """A connection over which descriptors are sent."""

    def __init__(self, offer: pb.ShareMemoryResponse) -> None:
        """Connect to the socket that the server offers.

        Raises:
            OSError: There is none on this host, or it belongs to another user.
        """
        self._number = offer.socket
        self._files = itertools.count(1)
        if not is_name(offer.socket_name):
            raise ConnectionRefusedError("The server has no socket for memory.")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        weakref.finalize(self, self._socket.close)
        self._socket.setblocking(False)
        self._socket.connect(f"\0{offer.socket_name}")
        if not is_of_same_user(self._socket):
            raise PermissionError("Another user listens at the name of the server's socket.")

    def send(self, descriptor: int) -> pb.SamplesInMemory:
        """Send a descriptor, and return what the request says about it.

        Raises:
            OSError: The server has ended, or does not take descriptors.
        """
        number = next(self._files)
        socket.send_fds(self._socket, [NUMBER.pack(number)], [descriptor])
        return pb.SamplesInMemory(socket=self._number, number=number)
