"""The command `json-logger`."""

from __future__ import annotations

import click

from json_logger_server.cli.doctor import doctor_command
from json_logger_server.cli.install import install_command
from json_logger_server.cli.serve import serve_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="json-logger-server")
def main() -> None:
    """A log file that many programs write to at once: serve it, look at it, read it back."""


for command in (serve_command, install_command, doctor_command):
    main.add_command(command)
