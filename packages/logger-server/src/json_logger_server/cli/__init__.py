"""The command `json-logger`."""

from __future__ import annotations

import click
from session_sharing import SessionSharingError
from session_sharing.commands import HarmlessGroup

from json_logger_server.cli.doctor import doctor_command
from json_logger_server.cli.export import export_command
from json_logger_server.cli.install import install_command, uninstall_command
from json_logger_server.cli.reading import tail_command, verify_command
from json_logger_server.cli.report import report_command
from json_logger_server.cli.serve import serve_command
from json_logger_server.cli.sessions import close_command, ls_command, rotate_command, show_command
from json_logger_server.cli.store import store_group


@click.group(
    cls=HarmlessGroup,
    shown_errors=[SessionSharingError],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="json-logger-server")
def main() -> None:
    """Serve log files that many programs write at the same time, and read them."""


for command in (
    serve_command,
    ls_command,
    show_command,
    close_command,
    rotate_command,
    tail_command,
    verify_command,
    report_command,
    export_command,
    store_group,
    doctor_command,
    install_command,
    uninstall_command,
):
    main.add_command(command)
