"""`json-logger doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from json_logger_proto.names import PROGRAM
from session_sharing.cli.doctor import tell
from session_sharing.places import default_state_file

from json_logger_server.cli.serve import default_roots
from json_logger_server.doctor import examine


@click.command("doctor")
@click.option(
    "--state-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="State file of the server to check. Default: the user's own server.",
)
@click.option(
    "--log-root",
    "roots",
    multiple=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Log folder to check; may be repeated. Default: those of `json-logger serve`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for programs.")
def doctor_command(state_file: Path | None, roots: tuple[Path, ...], as_json: bool) -> None:
    """Check this station, and report everything that prevents logging.

    The exit code is 1 when something is wrong. Example: json-logger doctor
    """
    state = state_file or default_state_file(PROGRAM)
    sys.exit(tell(examine(state, roots or default_roots()), as_json=as_json))
