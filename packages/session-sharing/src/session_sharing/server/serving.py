"""Run a server as a program: with its state file, until it is asked to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from session_sharing.printing import say
from session_sharing.server.host import SessionHost
from session_sharing.server.state_file import StateFile


def serve(
    host: SessionHost,
    state_file: Path,
    *,
    stop_with_starter: bool = False,
    stop_when_idle: float = 0.0,
) -> None:
    """Serve until Ctrl-C or SIGTERM; print one line when the server is ready.

    Programs of the same user find the server by `ConnectOptions.from_state_file(state_file)`.

    Args:
        host: The server.
        state_file: The file that says where it listens; `default_state_file` returns the usual one.
        stop_with_starter: Stop also when standard input is closed, as discovery services do.
        stop_when_idle: Stop also when there was no client and no session for so many seconds; 0 to
            go on.

    Raises:
        SessionSharingError: Another server uses the state file, or a listener cannot be opened.
    """
    state = StateFile(state_file.absolute())

    def publish() -> None:
        state.publish(host)
        say(f"ready at {' and '.join(host.targets)}")

    state.claim()
    try:
        asyncio.run(
            host.run(publish, stop_with_starter=stop_with_starter, stop_when_idle=stop_when_idle)
        )
    finally:
        state.remove()
