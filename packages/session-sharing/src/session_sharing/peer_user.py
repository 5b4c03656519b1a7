"""Find the user of this machine who owns the other end of a TCP connection.

Only Linux can say it: by its socket diagnosis (netlink), which takes microseconds, and on a kernel
without that by the tables /proc/net/tcp and tcp6.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

_TABLES = tuple(Path("/proc/net") / name for name in ("tcp", "tcp6"))
_MAPPED = bytes(10) + b"\xff\xff"
"""First bytes of an IPv6 address that means an IPv4 address; gRPC's clients use such sockets."""

# From linux/netlink.h, sock_diag.h and inet_diag.h.
_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_ALL = _NO_COOKIE = 0xFFFFFFFF
_LARGEST_ANSWER = 4096
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port id
_QUESTION = struct.Struct("=BBBxI")  # family, protocol, extensions, states
_ANSWER = struct.Struct("=BBxx48x12xII")  # family, state, ..., user, inode
_LISTENING = 10

_Place = tuple[bytes, int]
"""An address in network order, and a port."""


class PeerUsers:
    """Finds the users who own the connections to one listener.

    Args:
        host: The address that the listener listens at.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        self._port = port
        self._diagnosis = _Diagnosis()

    @staticmethod
    def is_known() -> bool:
        """Return whether this system can say who owns a connection."""
        return sys.platform == "linux"

    def user_of(self, peer: str) -> int | None:
        """Return the id of the user who owns a connection.

        Args:
            peer: The caller's address as gRPC gives it, such as ipv4:127.0.0.1:40000.

        Returns:
            None if there is no such connection on this machine, or its socket was closed.
        """
        try:
            _, _, rest = peer.partition(":")
            host, _, port = rest.rpartition(":")
            address = ipaddress.ip_address(unquote(host).strip("[]"))
            caller = address.packed, int(port)
        except ValueError:
            return None
        # A caller on this machine reaches a listener at all addresses by its own address.
        here = address if self._host.is_unspecified else self._host
        listener = here.packed, self._port
        user = self._diagnosis.user_of(caller, listener)
        return user if user is not None else _look_up(caller, listener)

    def close(self) -> None:
        """Close the socket to the kernel; a later question opens another."""
        self._diagnosis.close()


class _Diagnosis:
    """The kernel's socket diagnosis; all threads share one socket, one after the other."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._netlink: socket.socket | None = None

    def user_of(self, caller: _Place, listener: _Place) -> int | None:
        """Return the user of the caller's socket."""
        if sys.platform != "linux" or len(caller[0]) != len(listener[0]):
            return None
        family = socket.AF_INET if len(caller[0]) == 4 else socket.AF_INET6
        question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, _ALL) + _socket_id(
            caller, listener
        )
        header = _HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST, 0, 0)
        with self._turn:
            try:
                if self._netlink is None:
                    self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
                self._netlink.send(header + question)
                answer = self._netlink.recv(_LARGEST_ANSWER)
            except OSError:
                return None
        if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
            return None
        _, state, user, inode = _ANSWER.unpack_from(answer, _HEADER.size)
        # A socket without an inode was closed, and the kernel may report its user as 0.
        return int(user) if inode and state != _LISTENING else None

    def close(self) -> None:
        """Close the socket."""
        with self._turn:
            if self._netlink is not None:
                self._netlink.close()
                self._netlink = None


def _socket_id(caller: _Place, listener: _Place) -> bytes:
    ports = struct.pack("!HH", caller[1], listener[1])
    addresses = caller[0].ljust(16, b"\0") + listener[0].ljust(16, b"\0")
    return ports + addresses + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)


def _look_up(caller: _Place, listener: _Place) -> int | None:
    """Return the user of the caller's socket by the tables of all connections."""
    wanted = [" ".join(map(_as_in_table, (caller, listener)))]
    if len(caller[0]) == 4:
        mapped = [(_MAPPED + address, port) for address, port in (caller, listener)]
        wanted.append(" ".join(map(_as_in_table, mapped)))
    for table in _TABLES:
        with suppress(OSError):
            text = table.read_text(encoding="utf-8")
            for pair in wanted:
                _, found, rest = text.partition(f": {pair} ")
                if found:
                    _, _, _, _, user, _, inode = rest.split(maxsplit=7)[:7]
                    return int(user) if inode != "0" else None
    return None


def _as_in_table(place: _Place) -> str:
    """Write an address as the kernel prints it: 32 bit numbers in this machine's byte order."""
    words = struct.unpack(f"={len(place[0]) // 4}I", place[0])
    return "".join(f"{word:08X}" for word in words) + f":{place[1]:04X}"
