"""Find the process that makes a call. The protocol itself names only the user and the machine."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_LONGEST_PROGRAM = 60
_MOST_REMEMBERED = 1000
_TRUSTED_SECONDS = 1.0
"""Seconds in which no system reuses the port of a closed connection."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A process of this machine that makes calls."""

    pid: int
    """Process id."""
    program: str
    """Its command line, shortened, without control characters."""
    started: float
    """When it started, in seconds since the epoch. Process ids are reused; this shows it."""
    ancestors: frozenset[int] = frozenset()
    """Process ids of its parent process, that one's parent, and so on."""

    def is_alive(self) -> bool:
        """Return whether the process still runs."""
        import psutil  # loaded when the first session is reserved, not at the platform's start

        try:
            process = psutil.Process(self.pid)
            is_same = process.create_time() == self.started
            return is_same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def is_same_process(self, other: Caller | None) -> bool:
        """Return whether another caller is the same process."""
        return other is not None and (self.pid, self.started) == (other.pid, other.started)

    def __str__(self) -> str:
        return process_text(self.pid, self.program, is_alive=self.is_alive())


def process_text(pid: int | str, program: str, *, is_alive: bool) -> str:
    """Return the text by which users see a holder."""
    return f"process {pid} ({program}), {'alive' if is_alive else 'dead'}"


class CallerFinder:
    """Find the processes of callers by their connections, and remember them.

    Callers are found in the order of their requests. Wine does not know the process of a gRPC
    connection, and takes long to say so; then this finds no process, and does not ask again.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._can_find = True
        self._found: dict[str, tuple[Caller | None, float]] = {}

    async def find(self, peer: str) -> Caller | None:
        """Return the process of a caller, None if the system does not show it.

        Args:
            peer: The caller's address as gRPC gives it, such as ipv4:127.0.0.1:40000.
        """
        async with self._lock:
            holder, trusted_until = self._found.get(peer, (None, 0.0))
            if time.monotonic() < trusted_until and (holder is None or holder.is_alive()):
                return holder
            if not self._can_find:
                return None
            try:
                holder = await asyncio.to_thread(_find, peer, holder)
            except _OwnersHiddenError:
                self._can_find = False
                return None
            self._found[peer] = holder, time.monotonic() + _TRUSTED_SECONDS
            if len(self._found) > _MOST_REMEMBERED:
                del self._found[next(iter(self._found))]
            return holder


class _OwnersHiddenError(Exception):
    """The system says that process 0, which is none, owns an open connection, as Wine does."""


def _find(peer: str, expected: Caller | None) -> Caller | None:
    """Search the connections of the expected process, then those of all processes.

    Raises:
        _OwnersHiddenError: No caller can be found on this system.
    """
    import psutil

    port = peer.rpartition(":")[2]

    def is_callers(connection: Any) -> bool:  # psutil names no public type
        is_open = connection.status == psutil.CONN_ESTABLISHED
        return is_open and str(connection.laddr.port) == port

    with suppress(psutil.Error):
        process = psutil.Process(expected.pid) if expected and expected.is_alive() else None
        if process and any(map(is_callers, process.net_connections("tcp"))):
            return expected
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if not is_callers(connection):
                continue
            if connection.pid == 0:
                raise _OwnersHiddenError
            if connection.pid:
                return _describe(connection.pid)
    return None


def _describe(pid: int) -> Caller:
    import psutil

    process = psutil.Process(pid)
    words = process.cmdline() or [process.name()]
    words[0] = words[0].replace("\\", "/").rpartition("/")[2]
    text = "".join(one if one.isprintable() else "?" for one in " ".join(words))
    if len(text) > _LONGEST_PROGRAM:
        text = f"{text[:_LONGEST_PROGRAM]}..."
    ancestors = frozenset(one.pid for one in process.parents())
    return Caller(pid, text, process.create_time(), ancestors)
