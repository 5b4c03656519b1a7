"""The command `json-logger`. It loads the module of a command only when that command runs."""

from __future__ import annotations

import click
from session_sharing import SessionSharingError
from session_sharing.commands import LazyGroup

_VERBS = {
    "serve": "json_logger_server.cli.serve:serve_command",
    "ls": "json_logger_server.cli.sessions:ls_command",
    "show": "json_logger_server.cli.sessions:show_command",
    "close": "json_logger_server.cli.sessions:close_command",
    "rotate": "json_logger_server.cli.sessions:rotate_command",
    "tail": "json_logger_server.cli.reading:tail_command",
    "verify": "json_logger_server.cli.reading:verify_command",
    "report": "json_logger_server.cli.report:report_command",
    "export": "json_logger_server.cli.export:export_command",
    "store": "json_logger_server.cli.store:store_group",
    "doctor": "json_logger_server.cli.doctor:doctor_command",
    "install": "json_logger_server.cli.install:install_command",
    "uninstall": "json_logger_server.cli.install:uninstall_command",
}


@click.group(
    cls=LazyGroup,
    places=_VERBS,
    shown_errors=[SessionSharingError],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="json-logger-server")
def main() -> None:
    """Serve log files that many programs write at the same time, and read them."""
