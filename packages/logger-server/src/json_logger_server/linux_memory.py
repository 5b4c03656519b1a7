"""Take samples that clients on this host hand over as memory, over a socket instead of messages.

A client writes samples into a memory file (memfd) and sends its descriptor over a Unix socket.
Then it sends the request over gRPC. So the descriptor is there when the server looks for it.
It ends with the processes that hold it, so there is nothing to remove.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import sys
import weakref
from collections.abc import Iterable, Iterator

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.memory import NUMBER, new_name
from session_sharing.same_user import is_of_same_user
from session_sharing.server import Attachment

from json_logger_server.shared_memory import SharedMemory, unusable

assert sys.platform == "linux"

_MOST_SOCKETS = 128
"""Sockets of all clients. A client without one sends its samples in messages."""
_MOST_FILES = 512
"""Memory files that may be open. If there are more, their samples are copied at once."""
_MOST_UNREAD = 1000
"""Descriptors that the server takes from a socket to find one. A socket holds fewer of them."""
_CHUNK = 256 * 1024


class HandedSamples:
    """The samples of one waveform in the memory of a client.

    They are read by system calls. If they were mapped, a client that shortens the memory could end
    the server.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        """Take over the descriptor of a memory file; it is closed when nobody uses this object."""
        self._descriptor = descriptor
        self._size = size
        weakref.finalize(self, os.close, descriptor)

    def __iter__(self) -> Iterator[memoryview]:
        """Yield the samples. A piece is valid until the next one.

        Raises:
            InvalidArgumentError: The memory has fewer bytes.
        """
        buffer = memoryview(bytearray(min(_CHUNK, self._size)))
        done = 0
        while done < self._size:
            count = os.preadv(self._descriptor, [buffer[: self._size - done]], done)
            if not count:
                raise unusable("It has fewer bytes than the samples.")
            yield buffer[:count]
            done += count


class LinuxMemory(SharedMemory):
    """The sockets over which clients hand over memory."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[str, dict[int, _MemorySocket]] = {}
        """The sockets of each attachment, by their numbers."""
        self._last_number = 0
        self._files: weakref.WeakSet[HandedSamples] = weakref.WeakSet()

    def offer(self, attachment: Attachment) -> pb.ShareMemoryResponse:
        """See `SharedMemory`."""
        if self._count() >= _MOST_SOCKETS:
            self._close_unused()
        if self._count() >= _MOST_SOCKETS:
            return pb.ShareMemoryResponse()
        try:
            opened = _MemorySocket()
        except OSError:  # no descriptors are left
            return pb.ShareMemoryResponse()
        if attachment.id not in self._sockets:
            self._sockets[attachment.id] = {}
            attachment.when_ended.append(lambda: self._close_soon(attachment.id))
        self._last_number += 1
        self._sockets[attachment.id][self._last_number] = opened
        return pb.ShareMemoryResponse(socket_name=opened.name, socket=self._last_number)

    def take(
        self, attachment: Attachment, about: pb.SamplesInMemory, size: int
    ) -> Iterable[memoryview]:
        """See `SharedMemory`."""
        found = self._sockets.get(attachment.id, {}).get(about.socket)
        descriptor = None if found is None else found.receive(about.number)
        if descriptor is None:
            return super().take(attachment, about, size)
        samples = HandedSamples(descriptor, size)
        _check(descriptor, size)
        self.bytes += size
        if len(self._files) >= _MOST_FILES:
            return [memoryview(b"".join([bytes(piece) for piece in samples]))]
        self._files.add(samples)
        return samples

    def _count(self) -> int:
        return sum(map(len, self._sockets.values()))

    def _close_unused(self) -> None:
        """Close the sockets whose clients have closed their ends."""
        for of_attachment in self._sockets.values():
            for number, one in list(of_attachment.items()):
                if one.is_unused():
                    of_attachment.pop(number).close()

    def _close_soon(self, attachment: str) -> None:
        """Close the sockets of an attachment that has ended, also if another thread ended it."""
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._loop.call_soon_threadsafe(self._close, attachment)

    def _close(self, attachment: str) -> None:
        for one in self._sockets.pop(attachment, {}).values():
            one.close()


class _MemorySocket:
    """Listens for one client; once it has connected, receives its memory."""

    def __init__(self) -> None:
        self.name = new_name()
        # An abstract name needs no folder. It ends with the process, also after SIGKILL.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.setblocking(False)
            self._socket.bind(f"\0{self.name}")
            self._socket.listen()
        except BaseException:
            self._socket.close()
            raise
        self._is_connected = False

    def receive(self, number: int) -> int | None:
        """Return the descriptor of a memory that has arrived, and forget those before it.

        Returns:
            The descriptor, which the caller must close; None if it has not arrived.
        """
        try:
            self._connect()
            for _ in range(_MOST_UNREAD):
                found = self._next()
                if found is None:
                    return None
                if found[0] == number:
                    return found[1]
                os.close(found[1])
        except OSError:
            pass
        return None

    def is_unused(self) -> bool:
        """Return whether the client has closed its end."""
        try:
            self._connect()
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close the socket. The memory that was not received is gone."""
        self._socket.close()

    def _connect(self) -> None:
        """Accept the connection of a process of this user, once.

        Raises:
            OSError: There is none.
        """
        while not self._is_connected:
            connection, _ = self._socket.accept()
            connection.setblocking(False)
            if not is_of_same_user(connection):
                connection.close()
                continue
            self._socket.close()
            self._socket, self._is_connected = connection, True

    def _next(self) -> tuple[int, int] | None:
        """Take the next number and descriptor; None at the end of the connection.

        Raises:
            OSError: There is none yet.
        """
        while True:
            message, descriptors, _, _ = socket.recv_fds(
                self._socket, NUMBER.size, 1, socket.MSG_CMSG_CLOEXEC
            )
            if len(message) == NUMBER.size and descriptors:
                return NUMBER.unpack(message)[0], descriptors[0]
            for descriptor in descriptors:
                os.close(descriptor)
            if not message:
                return None


def _check(descriptor: int, size: int) -> None:
    """Refuse a file that is no memory, or that can be shortened.

    Raises:
        InvalidArgumentError: The file is refused.
    """
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:  # files on disks, devices and pipes have no seals
        raise unusable("It is no memory file.") from error
    if not seals & fcntl.F_SEAL_SHRINK:
        raise unusable("Seal it with F_SEAL_SHRINK.")
    if os.fstat(descriptor).st_size < size:
        raise unusable("It has fewer bytes than the samples.")
