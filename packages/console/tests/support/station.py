"""Run what a station has, each as a process as a user starts it: platform, logger, console."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from json_logger_client import JsonLoggerClient
from platform_process import DEADLINE, PlatformProcess, clean_environment, running_platform
from platform_sim.hook import hooked_environment
from plugin_processes import install
from session_sharing.client import ConnectOptions
from stopping_processes import OWN_CONSOLE, stop_process

TESTSTAND = Path(__file__).parents[4] / "teststand"
DMM = "ni.examples.NIDmmMeasurementWithLogger"
DCPOWER = "ni.examples.NIDCPowerSourceDCVoltageWithLogger"
LOG = "measurements.ndjson"


class Program:
    """A started Python module. Its output is read in a thread, so that it never waits."""

    def __init__(
        self, module: str, arguments: Sequence[object], environment: Mapping[str, str], ready: str
    ) -> None:
        """Start the module, and wait for the line of its output that has `ready`."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            **OWN_CONSOLE,
        )
        self.lines: list[str] = []
        self.ready_line = ""
        self._is_ready = threading.Event()
        self._ready = ready
        threading.Thread(target=self._read, daemon=True).start()
        assert self._is_ready.wait(DEADLINE), "".join(self.lines)
        assert self.ready_line, f"{module} ended:\n" + "".join(self.lines)

    def kill(self) -> None:
        """Kill the program."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def stop(self) -> int:
        """Ask the program to stop, and return its exit code."""
        if self.process.poll() is None:
            stop_process(self.process.pid, signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if self._ready in line and not self.ready_line:
                self.ready_line = line
                self._is_ready.set()
        self._is_ready.set()


class Station:
    """The programs of a station, in a folder. Use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Name the folders; nothing is started."""
        self.folder = folder
        self.sequences = folder / "sequences"
        self.data = folder / "data"
        self.log_file = self.data / LOG
        self.platform: PlatformProcess | None = None
        self.logger: Program | None = None
        self._logger_state = folder / "logger.json"
        self._resources = ExitStack()
        self._platforms = ExitStack()

    def __enter__(self) -> Station:
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()
        self._platforms.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which programs find the platform of this folder, and each other."""
        named = {"PLATFORM_SIM_STATE_FILE": str(self.folder / "platform" / "state.json")}
        if self.platform is None:
            return {**clean_environment(), **named}
        address = self.platform.state.discovery_address
        return hooked_environment(address, {**clean_environment(), **named})

    def lay_out_chain(self) -> None:
        """Copy the four-site chain: its sequences, pin maps and bench."""
        left_out = shutil.ignore_patterns("tests", "e2e", "__pycache__", ".*", "*.lock")
        shutil.copytree(TESTSTAND, self.sequences, ignore=left_out)

    def start_platform(self, *plugins: str, options: Sequence[object] = ()) -> PlatformProcess:
        """Start a platform with plug-ins, given by their modules."""
        for module in plugins:
            install(module, self.folder / "plugins" / module)
        (self.folder / "plugins").mkdir(exist_ok=True)
        (self.folder / "platform").mkdir(exist_ok=True)
        self.platform = self._platforms.enter_context(
            running_platform(
                self.folder / "platform", "--plugins", self.folder / "plugins", *options
            )
        )
        return self.platform

    def stop_platform(self) -> None:
        """Stop the platform."""
        self._platforms.close()
        self._platforms = ExitStack()

    def start_logger(self) -> Program:
        """Start the logger, and wait until the platform knows it."""
        self.data.mkdir(exist_ok=True)
        options = ["serve", "--log-root", self.data, "--state-file", self._logger_state]
        self.logger = self._start("json_logger_server", options, "Registered with NI discovery")
        return self.logger

    def hold_session(self, name: str) -> JsonLoggerClient:
        """Open a session of the logger; the caller closes it."""
        connection = ConnectOptions.from_state_file(self._logger_state)
        return JsonLoggerClient(name, connection=connection)

    def start_console(self, *options: object, name: str = "console") -> ConsoleProgram:
        """Start a console."""
        state = self.folder / f"{name}.json"
        fixed = ["--no-browser", "--state-file", state, "--pin-maps", self.folder]
        program = self._start("measurement_console", [*fixed, *options], "Measurement console: ")
        return ConsoleProgram(program)

    def _start(self, module: str, arguments: Sequence[object], ready: str) -> Program:
        program = Program(module, arguments, self.environment, ready)
        self._resources.callback(program.stop)
        return program


class ConsoleProgram:
    """A running console."""

    def __init__(self, program: Program) -> None:
        """Read the address from its ready line."""
        self.program = program
        found = re.search(
            r"(?P<base>https?://[^/ ]+)/enter\?token=(?P<token>\S+)", program.ready_line
        )
        assert found, program.ready_line
        self.address = found["base"]
        self.link = found[0]
        """Its first link. It works once."""
