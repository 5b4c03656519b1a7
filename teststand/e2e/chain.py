"""The steps of the chain: install, start, run the sequences, check, stop, and check the end."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from log_session import check_one_session
from processes import RUN_VARIABLE, Background, ChainError, end_survivors, run, survivors
from runs import RUNS, PinValue, SequenceRun

LOGGER_SERVICE_CLASS = "ni.logger.JSONLogService"
DEVICES_SERVICE_CLASS = "ni.DeviceControl.CommService"
LOG_FILE = "measurements.ndjson"
"""Instrument name of the log in the pin maps; relative to the logger's first log root."""

BENCH_FILE = "bench.toml"
"""Bench file beside the sequences: the wiring of some simulated instruments."""

Step = tuple[str, Callable[[], None]]
"""Name of a step, and the function that does it."""

_PLUGINS = ("dcpower", "dmm")
_SHORT = 90.0
_RUN_TIMEOUT = 600.0


@dataclass(frozen=True)
class Environments:
    """Virtual environments with the installed packages."""

    server: Path
    """json-logger-server."""

    dcpower: Path
    """dcpower-logger-plugin."""

    dmm: Path
    """dmm-logger-plugin."""

    devices: Path
    """measurement-device-communication with the extra server."""

    station: Path
    """measurement-platform-sim, and the packages that the code modules import."""


@dataclass
class RunReport:
    """The result of one sequence."""

    sequence: str
    """Name of the sequence file."""

    session: str
    """Name of the log session."""

    values: list[PinValue]
    """Measured values."""

    records: list[dict[str, Any]]
    """Logged records."""


@dataclass
class Chain:
    """One end-to-end run.

    Args:
        environments: Where the packages are installed.
        sequences: Folder with the sequence files, code modules and pin maps.
        work: Private folder for state files and copies.
        results: Folder for logs, reports and the log file.
        logger_options: More options of the logger.
    """

    environments: Environments
    sequences: Path
    work: Path
    results: Path
    logger_options: Sequence[str] = ()
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    reports: list[RunReport] = field(default_factory=list)
    _resources: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __post_init__(self) -> None:
        """Name the files of the run."""
        self.logs = self.results / "logs"
        self.data = self.results / "data"
        self.log_file = self.data / LOG_FILE
        self.station = self.work / "station"
        self._plugins = self.work / "plugins"
        self.platform_state = self.work / "state" / "platform.json"
        self._logger_state = self.work / "state" / "json-logger.json"
        self._devices_state = self.work / "state" / "device-comm.json"
        self._addresses: list[str] = []

    def steps(self) -> Iterator[Step]:
        """Yield the steps, each with the function that does it."""
        yield "find the installed commands", self.find_commands
        yield "lay out the plug-ins", self.lay_out
        yield "start the platform", self.start_platform
        yield "start the logger", self.start_logger
        yield "start the device server", self.start_devices
        for one in RUNS:
            yield f"run {one.sequence}", functools.partial(self.run_sequence, one)
        yield "stop everything", self.stop
        yield "find nothing left", self.find_nothing_left

    def close(self) -> None:
        """End all programs that still run, after any step of the chain."""
        self._resources.close()
        end_survivors(self.run_id)

    def find_commands(self) -> None:
        """Check the environments, and create the folders; remove the logs of an earlier run."""
        shutil.rmtree(self.logs, ignore_errors=True)
        for folder in (self.logs / "plugins", self.data):
            folder.mkdir(parents=True, exist_ok=True)
        self.platform_state.parent.mkdir(mode=0o700)
        for environment, command in (
            (self.environments.server, "json-logger"),
            (self.environments.dcpower, "dcpower-logger-plugin"),
            (self.environments.dmm, "dmm-logger-plugin"),
            (self.environments.devices, "device-comm"),
            (self.environments.station, "platform-sim"),
        ):
            if not Path(installed_command(environment, command)).exists():
                raise ChainError(f"the command {command} is missing in {environment}")

    def lay_out(self) -> None:
        """Install each plug-in and the logger into its folder; copy the sequences."""
        for environment, command, options in (
            (self.environments.dcpower, "dcpower-logger-plugin", ("--simulate",)),
            (self.environments.dmm, "dmm-logger-plugin", ("--simulate",)),
            (self.environments.server, "json-logger", ()),
        ):
            folder = self._plugins / command
            log = self.logs / f"install-{command}.log"
            code, _ = run(
                [installed_command(environment, command), "install", str(folder), *options],
                log,
                self.environment(),
                _SHORT,
            )
            if code != 0:
                raise ChainError(f"{command} install ended with code {code}", log)
        shutil.copytree(self.sequences, self.station, ignore=shutil.ignore_patterns(".venv", "e2e"))
        simulation = self._plugins / "dcpower-logger-plugin" / ".env.simulation"
        shutil.copy(simulation, self.station / ".env")

    def start_platform(self) -> None:
        """Start the platform, and wait until it has written its state file."""
        self._platform = self._background(
            "platform",
            installed_command(self.environments.station, "platform-sim"),
            "up",
            f"--state-file={self.platform_state}",
            f"--plugins={self._plugins}",
            f"--bench={self.station / BENCH_FILE}",
            f"--log-dir={self.logs / 'plugins'}",
        )
        self._platform.wait_until(self.platform_state.exists, "it was ready", _SHORT)
        state = json.loads(self.platform_state.read_text(encoding="utf-8"))
        self._addresses += [state["discovery_address"], state["device_server_address"]]

    def start_logger(self) -> None:
        """Start the logger so that it finds the platform, and wait until it is registered."""
        self._logger = self._server(
            "json-logger",
            self.environments.server,
            self._logger_state,
            f"--log-root={self.data}",
            *self.logger_options,
        )
        self._wait_until_known(self._logger, self._logger_state, LOGGER_SERVICE_CLASS)

    def start_devices(self) -> None:
        """Start the device server, whose GPIO lines are nets of the bench, in the same way."""
        state = json.loads(self.platform_state.read_text(encoding="utf-8"))
        self._devices = self._server(
            "device-comm",
            self.environments.devices,
            self._devices_state,
            f"--map-root={self.data}",
            f"--gpio=bench:{state['device_server_address']}",
        )
        self._wait_until_known(self._devices, self._devices_state, DEVICES_SERVICE_CLASS)

    def run_sequence(self, one: SequenceRun) -> None:
        """Run a sequence, and check its measured values and its records."""
        name = Path(one.sequence).stem
        log = self.logs / f"run-{name}.log"
        lines_before = len(self._log_lines())
        sizes = {path: path.stat().st_size for path in self._plugin_logs()}
        code, output = run(
            [
                installed_command(self.environments.station, "platform-sim"),
                "run",
                f"--state-file={self.platform_state}",
                "--json",
                f"--junit={self.results / f'{name}.xml'}",
                str(self.station / one.sequence),
            ],
            log,
            self.environment(),
            _RUN_TIMEOUT,
        )
        result = _result(code, output, log)
        try:
            values, records = one.check(result, self._log_lines()[lines_before:])
        except ChainError as error:
            raise ChainError(str(error), self._log_concerned(result, log)) from None
        written = [
            (path, path.read_text(encoding="utf-8", errors="replace")[sizes.get(path, 0) :])
            for path in self._plugin_logs()
        ]
        session = check_one_session(log, written)
        self.reports.append(RunReport(one.sequence, session, values, records))

    def stop(self) -> None:
        """Stop the servers, then the platform with its plug-ins."""
        self._devices.stop()
        self._logger.stop()
        self._platform.stop()

    def find_nothing_left(self) -> None:
        """Check that no process, socket or state file is left."""
        for state in (self.platform_state, self._logger_state, self._devices_state):
            if state.exists():
                raise ChainError(f"the state file {state.name} is still there")
        for address in self._addresses:
            host, _, port = address.rpartition(":")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1.0):
                raise ChainError(f"a process still listens on {address}")
        sockets = [path for path in self.work.rglob("*") if path.is_socket()]
        if sockets:
            raise ChainError(f"sockets are left: {sockets}")
        left = survivors(self.run_id)
        if left:
            raise ChainError(f"processes are left: {left}")

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables of the programs: nothing of another platform."""
        environment = {**os.environ, RUN_VARIABLE: self.run_id, "PYTHONUNBUFFERED": "1"}
        for name in list(environment):
            if name.startswith(("DEVICE_COMM_", "PLATFORM_SIM_", "JSON_LOGGER_", "PYTHONPATH")):
                del environment[name]
        return environment

    def _background(self, name: str, *command: str) -> Background:
        process = Background(name, command, self.logs / f"{name}.log", self.environment())
        self._resources.callback(process.end)
        return process

    def _server(self, command: str, environment: Path, state: Path, *options: str) -> Background:
        """Start a server so that it finds the platform."""
        return self._background(
            command,
            installed_command(self.environments.station, "platform-sim"),
            "exec",
            f"--state-file={self.platform_state}",
            "--",
            installed_command(environment, command),
            "serve",
            f"--state-file={state}",
            "--listen=tcp:127.0.0.1:0",
            *options,
        )

    def _wait_until_known(self, server: Background, state: Path, service_class: str) -> None:
        """Wait until a server is ready and registered."""
        server.wait_until(state.exists, "it was ready", _SHORT)
        targets = json.loads(state.read_text(encoding="utf-8"))["targets"]
        self._addresses += [target.removeprefix("ipv4:") for target in targets if "ipv4:" in target]
        is_known = functools.partial(self._is_known, service_class)
        server.wait_until(is_known, "it was registered", _SHORT)

    def _is_known(self, service_class: str) -> bool:
        code, output = run(
            [
                installed_command(self.environments.station, "platform-sim"),
                "services",
                f"--state-file={self.platform_state}",
                "--json",
            ],
            self.logs / "services.log",
            self.environment(),
            _SHORT,
        )
        return code == 0 and any(
            service["service_class"] == service_class and service["addresses"]
            for service in json.loads(output)
        )

    def _log_concerned(self, result: Mapping[str, Any], log: Path) -> Path:
        """Return the log to show for a run: that of the plug-in whose measurement failed."""
        for step in result["steps"]:
            if step["group"] == "Main" and step["status"] in ("Error", "Failed"):
                kind = "dmm" if "DMM" in step["step"] else "dcpower"
                logs = (path for path in self._plugin_logs() if kind in path.stem.lower())
                return next(logs, log)
        return log

    def _plugin_logs(self) -> list[Path]:
        """Return the logs of the plug-ins; the platform names them by service or folder."""
        return sorted(
            path
            for path in (self.logs / "plugins").rglob("*.log")
            if any(name in path.stem.lower() for name in _PLUGINS)
        )

    def _log_lines(self) -> list[str]:
        if not self.log_file.exists():
            return []
        return self.log_file.read_text(encoding="utf-8").splitlines()


def _result(code: int, output: str, log: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(output)
    except ValueError:
        raise ChainError(f"platform-sim run ended with code {code}", log) from None
    return result


def installed_command(environment: Path, name: str) -> str:
    """Return the path of a command in an environment."""
    windows = sys.platform == "win32"
    folder = environment / ("Scripts" if windows else "bin")
    return str(folder / (f"{name}.exe" if windows else name))
