"""The command `json-logger`."""

from __future__ import annotations

import click

from json_logger_server.cli.serve import serve_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="json-logger-server")
def main() -> None:
    """A log file that many programs write to at once: serve it, look at it, read it back."""


main.add_command(serve_command)
