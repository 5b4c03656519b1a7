"""Run a logger in a thread of the test's process, so that a test can replace its disk."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_server.json_log import Durability
from json_logger_server.server import ServerOptions, build_host
from json_logger_server.storage.disk import SystemDisk
from json_logger_server.storage.paths import LogRoots
from open_files import name_of
from session_sharing.server import HostOptions, SessionHost


class FaultyDisk(SystemDisk):
    """A `Disk` that is real until a test makes it fail; no real failing device can be had."""

    def __init__(self) -> None:
        self.failing: dict[str, set[str]] = {}
        """Calls that fail with EIO, by the end of the file's name."""
        self.before_write = threading.Event()
        """While it is cleared, writes of slow files wait."""
        self.before_write.set()
        self.slow = ""
        """Ending of the names of slow files."""
        self.writes = 0
        self.room: int | None = None
        """Bytes for which there is room; None for a disk that is never full."""

    def write(self, handle: int, data: memoryview) -> int:
        self.writes += 1
        if self.slow and str(name_of(handle)).endswith(self.slow):
            self.before_write.wait()
        if self._fails("write", handle):
            os.write(handle, data[: len(data) // 2])
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.room is None:
            return super().write(handle, data)
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(handle, data[: self.room])
        self.room -= written
        return written

    def sync(self, handle: int) -> None:
        if self._fails("sync", handle):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(handle)

    def truncate(self, handle: int, size: int) -> None:
        if self._fails("truncate", handle):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.room is not None:
            self.room += os.fstat(handle).st_size - size
        super().truncate(handle, size)

    def _fails(self, call: str, handle: int) -> bool:
        name = str(name_of(handle))
        return any(call in calls for end, calls in self.failing.items() if name.endswith(end))


class LoggerThread:
    """A real server on a real port whose disk the test controls."""

    def __init__(
        self,
        folder: Path,
        disk: FaultyDisk,
        durability: Durability,
        host: HostOptions | None = None,
    ) -> None:
        self.options = ServerOptions(
            roots=LogRoots((folder,)),
            state_file=folder / "unused.json",
            host=host or HostOptions(),
            durability=durability,
            disk=disk,
        )
        self.host: SessionHost
        """The running host; set when the `with` block begins."""
        self._ready: Future[ConnectOptions] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.host = host = build_host(self.options)
        await host.start()
        self._ready.set_result(ConnectOptions(host.targets[0], host.authenticator.token))
        await self._stop.wait()
        await host.stop()

    def connect(self, **options: Any) -> ConnectOptions:
        """Return options to connect as the server's own user."""
        return replace(self._ready.result(10), **options)

    def client(self, file: str) -> JsonLoggerClient:
        return JsonLoggerClient(file, connection=self.connect())

    def __enter__(self) -> LoggerThread:
        self._thread.start()
        self._ready.result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
