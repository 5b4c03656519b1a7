"""`device-comm doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from session_sharing.cli.doctor import (
    Finding,
    Verdict,
    descriptors,
    discovery,
    environment,
    loopback,
    running_server,
    tell,
    versions,
)
from session_sharing.places import default_state_file

from device_comm.cli.serve import default_roots
from device_comm.names import DEVICE_SERVER


@click.command("doctor")
@click.option(
    "--state-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="State file of the server to check. Default: the user's own server.",
)
@click.option(
    "--map-root",
    "roots",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for register maps to check; may be repeated. Default: those of "
    "`device-comm serve`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for programs.")
def doctor_command(state_file: Path | None, roots: tuple[Path, ...], as_json: bool) -> None:
    """Check this station, and report everything that keeps programs from their devices.

    The exit code is 1 when something is wrong. Example: device-comm doctor
    """
    state = state_file or default_state_file(DEVICE_SERVER.program)
    sys.exit(tell(_examine(state, roots or default_roots()), as_json=as_json))


def _examine(state_file: Path, roots: tuple[Path, ...]) -> Iterator[Finding]:
    yield versions(("measurement-device-communication", "session-sharing", "grpcio", "protobuf"))
    yield descriptors()
    yield loopback()
    for root in roots:
        yield _map_root(root)
    yield environment(DEVICE_SERVER)
    yield running_server(state_file, DEVICE_SERVER)
    yield discovery(DEVICE_SERVER)


def _map_root(root: Path) -> Finding:
    subject = f"folder for register maps {root}"
    if not os.access(root, os.R_OK | os.X_OK):
        text = "You may not read this folder; choose another --map-root."
        return Finding(subject, Verdict.WRONG, text)
    return Finding(subject, Verdict.OK, "readable")
