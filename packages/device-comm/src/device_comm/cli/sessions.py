"""`device-comm ls`, `show` and `close`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from session_sharing.cli.servers import Server, connect_to, server_options
from session_sharing.cli.sessions import session_commands

from device_comm.client.locating import locate_device_server
from device_comm.names import DEVICE_SERVER


@contextmanager
def _chosen(state_file: Path | None, target: str | None) -> Iterator[list[Server]]:
    program = DEVICE_SERVER.program
    with connect_to(program, locate_device_server, state_file, target) as connection:
        yield [Server(program, connection)]


COMMANDS = session_commands(DEVICE_SERVER.program, server_options, _chosen)
