"""Run a server as a program: with its state file, until it is asked to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from session_sharing.printing import say
from session_sharing.server.host import SessionHost
from session_sharing.server.state_file import StateFile


def serve(host: SessionHost, state_file: Path) -> None:
    """Serve until Ctrl-C or SIGTERM; print one line when the server is ready.

    Programs of the same user find the server by `ConnectOptions.from_state_file(state_file)`.

    Args:
        host: The server.
        state_file: The file that says where it listens; `default_state_file` returns the usual one.

    Raises:
        SessionSharingError: Another server uses the state file, or a listener cannot be opened.
    """
    asyncio.run(_serve(host, StateFile(state_file.absolute())))


async def _serve(host: SessionHost, state: StateFile) -> None:
    def publish() -> None:
        state.publish(host)
        say(f"ready at {' and '.join(host.targets)}")

    state.claim()
    try:
        await host.run(publish)
    finally:
        state.remove()
