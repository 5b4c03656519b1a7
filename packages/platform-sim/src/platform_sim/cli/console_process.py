"""Run the measurement console beside the platform: another package, started by its command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from platform_sim.discovery import launcher
from platform_sim.exit_codes import describe_exit_code
from platform_sim.printing import print_line
from platform_sim.process_tree import START_OPTIONS, ProcessTree

CONSOLE = "measurement-console"
_GRACE = 5.0
"""Seconds that the console has to end."""


def find_console() -> str:
    """Return the path of the console's command: in this environment, or else in the PATH.

    Raises:
        click.ClickException: It is not installed.
    """
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    command = shutil.which(CONSOLE, path=os.pathsep.join(folders))
    if command is None:
        raise click.ClickException(
            f"--console needs the command {CONSOLE}, which is not installed. Install it: "
            f"pip install {CONSOLE}"
        )
    return command


@contextmanager
def running_console(
    command: str, options: Sequence[str], environment: Mapping[str, str]
) -> Iterator[None]:
    """Run the console until the end of the `with` block. It prints its address itself.

    If it ends earlier, a note says so, and the platform goes on. On Linux it ends when the platform
    is killed.

    Args:
        command: Path of its command.
        options: Its options.
        environment: Its environment variables, with which it finds the platform.

    Raises:
        click.ClickException: It cannot be started.
    """
    arguments = [command, *options]
    if sys.platform == "linux":
        start = [sys.executable, "-I", "-S", str(launcher.__file__), str(os.getpid())]
        arguments = [*start, *arguments]
    try:
        process = subprocess.Popen(
            arguments, env=dict(environment), stdin=subprocess.DEVNULL, **START_OPTIONS
        )
        tree = ProcessTree(process.pid)
    except OSError as error:
        raise click.ClickException(f"{command} cannot be run: {error}.") from error
    is_stopping = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process, is_stopping), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_stopping.set()
        tree.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        tree.close()
        watcher.join()


def _watch(process: subprocess.Popen[bytes], is_stopping: threading.Event) -> None:
    code = process.wait()
    if not is_stopping.is_set():
        print_line(
            f"note: {CONSOLE} ended with {describe_exit_code(code)}. The platform goes on.",
            err=True,
        )
