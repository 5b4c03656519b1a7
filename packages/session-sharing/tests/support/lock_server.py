"""Serve resources for several clients, with a short window and orphan timeout for tests."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from processes import server_address
from session_sharing.server import (
    HostOptions,
    RegistryOptions,
    Resource,
    ResourceInUseError,
    SessionHost,
    StateFile,
    parse_listener,
)


async def main(given: argparse.Namespace) -> None:
    state = StateFile(given.state_file)
    try:
        state.claim()
    except ResourceInUseError as error:
        sys.exit(str(error))
    options = HostOptions(
        listeners=(parse_listener(given.listen or server_address(given.state_file.parent)),),
        anonymous=given.anonymous,
        window=given.window,
        grace=given.grace,
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
    parser.add_argument("--listen")
    parser.add_argument("--anonymous", action="store_true")
    parser.add_argument("--window", type=float, default=2.0)
    parser.add_argument("--grace", type=float, default=2.0)
    asyncio.run(main(parser.parse_args()))
