"""The command `device-comm`. It needs the extra `server`."""

from __future__ import annotations

import click
from session_sharing import SessionSharingError
from session_sharing.commands import HarmlessGroup

from device_comm.cli.doctor import doctor_command
from device_comm.cli.install import install_command, uninstall_command
from device_comm.cli.serve import serve_command
from device_comm.cli.sessions import COMMANDS


@click.group(
    cls=HarmlessGroup,
    shown_errors=[SessionSharingError],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="measurement-device-communication")
def main() -> None:
    """Serve custom instruments that many programs use at the same time."""


for command in (
    serve_command,
    *COMMANDS,
    doctor_command,
    install_command,
    uninstall_command,
):
    main.add_command(command)
