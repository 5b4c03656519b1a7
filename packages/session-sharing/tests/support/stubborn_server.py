"""Serve locks whose release hook hangs."""

from __future__ import annotations

import asyncio
import sys
import threading

from session_sharing.server import (
    HostOptions,
    RegistryOptions,
    Resource,
    SessionHost,
    parse_listener,
)


class StubbornLock(Resource):
    """A lock whose release hook hangs."""

    def close(self) -> None:
        threading.Event().wait()


async def main(address: str) -> None:
    options = HostOptions(
        listeners=(parse_listener(address),),
        anonymous=True,
        window=0.5,
        grace=0.5,
        registry=RegistryOptions(release_timeout=0.5),
    )
    host = SessionHost({"lock": StubbornLock}, options)
    await host.run(lambda: print("ready", flush=True))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
