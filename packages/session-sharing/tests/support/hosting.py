"""Run a session host in a thread of the test's process, with real sockets and real TLS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from session_sharing.server import HostOptions, Resource, ResourceKind, SessionHost


class Lock(Resource):
    """A resource that does nothing but being open."""


@contextmanager
def hosted(
    options: HostOptions | None = None, kinds: dict[str, ResourceKind] | None = None
) -> Iterator[SessionHost]:
    """Run a host; an error of its start is raised here."""
    ready = threading.Event()
    box: dict[str, object] = {}

    async def run() -> None:
        try:
            box["host"] = host = SessionHost(kinds or {"lock": Lock}, options)
            await host.start()
        except BaseException as error:
            box["error"] = error
            ready.set()
            return
        box["loop"] = asyncio.get_running_loop()
        box["stop"] = stop = asyncio.Event()
        ready.set()
        await stop.wait()
        await host.stop()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    if "error" in box:
        thread.join()
        raise box["error"]  # type: ignore[misc]
    try:
        yield box["host"]  # type: ignore[misc]
    finally:
        box["loop"].call_soon_threadsafe(box["stop"].set)  # type: ignore[attr-defined]
        thread.join()
