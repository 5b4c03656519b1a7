"""Serve resources for several clients, with a short window and orphan timeout for tests."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from session_sharing.server import (
    HostOptions,
    RegistryOptions,
    Resource,
    ResourceInUseError,
    SessionHost,
    StateFile,
    UnixListener,
)


async def main(state_path: Path, window: float, grace: float) -> None:
    state = StateFile(state_path)
    try:
        state.claim()
    except ResourceInUseError as error:
        sys.exit(str(error))
    options = HostOptions(
        # A unix socket keeps its address when the server is restarted.
        listeners=(UnixListener(state_path.parent / "s" / "lock"),),
        window=window,
        grace=grace,
        registry=RegistryOptions(orphan_timeout=3600),
    )
    host = SessionHost({"lock": Resource}, options)

    def ready() -> None:
        state.publish(host)
        print("ready", flush=True)

    await host.run(ready)
    state.remove()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--state-file", type=Path, required=True)
    parser.add_argument("--window", type=float, default=2.0)
    parser.add_argument("--grace", type=float, default=2.0)
    given = parser.parse_args()
    asyncio.run(main(given.state_file, given.window, given.grace))
