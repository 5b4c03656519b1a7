"""`platform-sim reservations`: show the reserved sessions and their holders, and free one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click
from ni.measurementlink.sessionmanagement.v1 import annotations as keys
from plugin_kit.calling import PlatformClient

from platform_sim.callers import process_text
from platform_sim.cli.options import json_option, locate_platform, state_file_option
from platform_sim.printing import print_line
from platform_sim.session_management.messages import (
    ALIVE,
    HOLDER_PID_KEY,
    HOLDER_PROGRAM_KEY,
    HOLDER_STATE_KEY,
    RESERVED_SINCE_KEY,
)


@click.command("reservations")
@state_file_option
@click.option("--free", metavar="NAME", help="End the reservation of this session.")
@json_option
def reservations_command(state_file: Path | None, free: str | None, as_json: bool) -> None:
    """Show the sessions that are reserved or open, with their holders.

    If a plug-in that the platform started dies, its sessions are freed automatically. If another
    program died, end its reservation with --free.

    Example: platform-sim reservations --free niDMM-DMM1
    """
    with PlatformClient(locate_platform(state_file)) as platform:
        if free is not None:
            platform.free(free)
        sessions = platform.sessions()
    rows = [
        {
            "session": one.session.name,
            "instrument_type": one.instrument_type_id,
            "is_open": one.session_exists,
            "is_reserved": one.session_reserved,
            "holder": _holder(one.annotations),
            "pid": int(one.annotations.get(HOLDER_PID_KEY, 0)) or None,
            "program": one.annotations.get(HOLDER_PROGRAM_KEY, ""),
            "state": one.annotations.get(HOLDER_STATE_KEY, ""),
            "since": one.annotations.get(RESERVED_SINCE_KEY, ""),
        }
        for one in sessions
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        print_line("No session is reserved or open.")
    width = max((len(one.session.name) for one in sessions), default=0)
    for row in rows:
        state = f"held by {_held_by(row)}, since {row['since']}" if row["is_reserved"] else "free"
        openness = "open" if row["is_open"] else "not open"
        print_line(f"{row['session']:<{width}}  {openness:<8}  {state}")


def _held_by(row: Mapping[str, object]) -> str:
    if row["pid"] is None:
        return str(row["holder"])
    is_alive = row["state"] == ALIVE
    process = process_text(str(row["pid"]), str(row["program"]), is_alive=is_alive)
    return f"{row['holder']}, {process}"


def _holder(annotations: Mapping[str, str]) -> str:
    """Return user@host of the holder; the SDK leaves the user empty in some containers."""
    user = annotations.get(keys.RESERVED_USERNAME, "")
    host = annotations.get(keys.RESERVED_HOSTNAME, "")
    return f"{user}@{host}" if user and host else user or host or "unknown"
