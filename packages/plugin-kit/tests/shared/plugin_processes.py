"""Run the commands of a plug-in, as users and discovery services do; for tests of any plug-in."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stopping_processes import OWN_CONSOLE, stop_process

DEADLINE = 60.0
"""Seconds within which a process must end; only a process that hangs needs as long."""

WAYS_TO_STOP = ("SIGTERM", "SIGINT", "end of input")


def install(
    module: str, folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> list[str]:
    """Write the folder of a plug-in, or of another program, for discovery.

    Returns:
        The names of the files that the command reports.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, "install", str(folder), *options],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    return [Path(line).name for line in done.stdout.splitlines()]


@contextmanager
def served(
    program: Sequence[str],
    environment: Mapping[str, str],
    service_class: str,
    stdin: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[str]]:
    """Run `serve` of a plug-in, from its ready line to the end of a `with` block.

    Args:
        program: The arguments of ``python``, such as ``-m my_plugin``.
        environment: Environment of the process.
        service_class: Service class that the ready line must name.
        stdin: Standard input of the process; by default a pipe, as discovery services use.
    """
    with subprocess.Popen(
        [sys.executable, *program, "serve"],
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        **OWN_CONSOLE,
    ) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith(f"ready: {service_class} at "), ready
            yield process
        finally:
            process.kill()


def ask_to_stop(process: subprocess.Popen[str], way: str) -> None:
    """Ask a served plug-in to stop, in one of the `WAYS_TO_STOP`."""
    if way == "end of input":
        assert process.stdin is not None
        process.stdin.close()
    else:
        stop_process(process.pid, signal.Signals[way])
