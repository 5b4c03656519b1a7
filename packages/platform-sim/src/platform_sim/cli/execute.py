"""`platform-sim exec`: run a program that finds the platform."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from platform_sim.cli.options import locate_platform, state_file_option
from platform_sim.hook import hooked_environment


@click.command("exec", context_settings={"ignore_unknown_options": True})
@state_file_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_command(state_file: Path | None, command: tuple[str, ...]) -> None:
    """Run a program whose NI SDK finds the running platform.

    Example: platform-sim exec -- python measurement.py
    """
    environment = hooked_environment(locate_platform(state_file), os.environ)
    try:
        if sys.platform == "win32":  # on Windows, exec would detach from the terminal
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which gets it
            sys.exit(subprocess.run(command, env=environment, check=False).returncode)
        os.execvpe(command[0], command, environment)  # noqa: S606
    except OSError as error:
        raise click.ClickException(f"{command[0]} cannot be run: {error.strerror}.") from error
