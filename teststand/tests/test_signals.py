"""P8: every program ends cleanly by a signal, whichever of its threads gets it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from capabilities import needs_signals_to_threads
from environments import environment
from platform_sim import Platform, PlatformOptions
from platform_sim.hook import hooked_environment
from threads import signal_another_thread

pytestmark = needs_signals_to_threads

DEADLINE = 40.0
PROGRAMS = {
    "json-logger": ("server", ["json-logger", "serve", "--listen=tcp:127.0.0.1:0"]),
    "dcpower": ("dcpower", ["dcpower-logger-plugin", "serve"]),
    "dmm": ("dmm", ["dmm-logger-plugin", "serve"]),
    "platform-sim": ("station", ["platform-sim", "up"]),
}


@pytest.fixture(scope="module")
def discovery_address() -> Iterator[str]:
    """Discovery for the plug-ins."""
    with Platform(PlatformOptions(has_device_server=False)) as platform:
        yield platform.discovery_address


@contextmanager
def running(name: str, folder: Path, discovery_address: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program of the project, and wait for its ready line."""
    package, (program, *options) = PROGRAMS[name]
    variables = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    with subprocess.Popen(
        [environment(package) / "bin" / program, *options],
        cwd=folder,
        env=hooked_environment(discovery_address, variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_signal_that_another_thread_takes_ends_a_program_with_exit_code_zero(
    name: str, number: signal.Signals, tmp_path: Path, discovery_address: str
) -> None:
    tmp_path.chmod(0o700)
    with running(name, tmp_path, discovery_address) as process:
        signal_another_thread(process.pid, number)
        assert process.wait(DEADLINE) == 0
