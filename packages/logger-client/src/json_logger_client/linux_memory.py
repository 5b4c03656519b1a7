"""Hand over the samples of waveforms as memory, if the server runs on this host.

The server offers a Unix socket, to which this module connects after the first long waveform.
Later ones are copied into memory files (memfd) instead of messages. The descriptor of such a file
goes over the socket, before the request that needs it goes over gRPC. The samples stay in the file
until they are acknowledged, so that they can also be sent again in messages.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import mmap
import os
import re
import socket
import sys
import weakref
from collections import deque
from collections.abc import Iterable

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.names import MEMORY_NUMBER, MEMORY_SOCKET
from session_sharing.same_user import is_of_same_user

from json_logger_client.shared_memory import SHORTEST_IN_MEMORY, SharedMemory

assert sys.platform == "linux"

_MOST_FILES = 16
"""Memory files of one sender. Each takes two descriptors, of which a program may have few."""
_MOST_UNUSED = 64 * 1024 * 1024
"""Bytes of memory files that are kept for the next waveforms."""
_PATIENCE = 5.0
"""Seconds for the call that asks for the socket."""
_PASSING = (errno.EAGAIN, errno.ETOOMANYREFS)
"""Errors that end when the server has read the descriptors that are under way."""
_NAME = re.compile(re.escape(MEMORY_SOCKET) + "[0-9a-f]{32}")


class MemoryFile(mmap.mmap):
    """Memory that another process can read by a descriptor. It ends with all its holders."""

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
        """Return the first `size` bytes. Without memory for them, writing would end the process.

        Raises:
            OSError: There is no memory.
        """
        if size > self._reserved:
            os.posix_fallocate(self.descriptor, 0, size)
            self._reserved = size
        return memoryview(self)[:size]


class LinuxMemory(SharedMemory):
    """The memory files of one sender, and its socket to the server."""

    def __init__(self) -> None:
        self._socket: HandingSocket | None = None
        self._answered_for = ""
        """The attachment for which the server has offered a socket, or refused one."""
        self._files: weakref.WeakSet[MemoryFile] = weakref.WeakSet()
        self._unused: deque[MemoryFile] = deque()

    def take(self, size: int) -> memoryview | None:
        """See `SharedMemory`."""
        if self._socket is None or size < SHORTEST_IN_MEMORY:
            return None
        try:
            file = self._file(1 << (size - 1).bit_length())  # few sizes, so that files fit again
            return None if file is None else file.reserve(size)
        except (OSError, ValueError):
            return None

    def release(self, samples: Iterable[memoryview]) -> None:
        """See `SharedMemory`."""
        files = {id(one.obj): one.obj for one in samples if isinstance(one.obj, MemoryFile)}
        unused = sum(map(len, self._unused.copy()))
        for file in files.values():
            if unused + len(file) <= _MOST_UNUSED:
                self._unused.append(file)
                unused += len(file)

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
        try:
            self._socket = HandingSocket(offer, attachment)
        except OSError:  # the server is on another host
            self._socket = None

    def hand_over(self, samples: memoryview, attachment: str) -> pb.SamplesInMemory | None:
        """See `SharedMemory`."""
        file, to_server = samples.obj, self._socket
        if to_server is None or to_server.attachment != attachment:
            return None
        if not isinstance(file, MemoryFile):
            return None
        try:
            return to_server.send(file.descriptor)
        except OSError as error:
            if error.errno not in _PASSING:
                self._socket = None
            return None

    def give_up(self) -> None:
        """See `SharedMemory`."""
        self._socket = None
        self._unused.clear()

    def _file(self, size: int) -> MemoryFile | None:
        """Return a file that is not in use; None if too many are.

        Raises:
            OSError: A new one cannot be created.
        """
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            for _ in range(len(self._unused)):
                file = self._unused.popleft()
                if len(file) == size:
                    return file
                self._unused.append(file)
            if len(self._files) >= _MOST_FILES:
                self._unused.popleft()
        if len(self._files) >= _MOST_FILES:
            return None
        file = MemoryFile.create(size)
        self._files.add(file)
        return file


def _is_refusal(error: Exception) -> bool:
    """Return whether a call failed because the server does not have it, as an older one."""
    return isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNIMPLEMENTED


class HandingSocket:
    """The connection over which one attachment sends descriptors."""

    def __init__(self, offer: pb.ShareMemoryResponse, attachment: str) -> None:
        """Connect to the socket that the server offers.

        Raises:
            OSError: There is none on this host, or it belongs to another user.
        """
        self.attachment = attachment
        self._number = offer.socket
        self._memories = itertools.count(1)
        if not _NAME.fullmatch(offer.socket_name):
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
        number = next(self._memories)
        socket.send_fds(self._socket, [MEMORY_NUMBER.pack(number)], [descriptor])
        return pb.SamplesInMemory(socket=self._number, number=number)
