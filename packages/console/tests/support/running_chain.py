"""Run a platform beside the logger and the console, with the four-site chain on it."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from device_sim import DeviceControl
from platform_process import PlatformProcess, running_platform, wait_until
from platform_sim.hook import hooked_environment
from plugin_kit.calling import PlatformClient
from plugin_processes import install
from running_station import Console, Program, Station

TESTSTAND = Path(__file__).parents[4] / "teststand"
DCPOWER = "ni.examples.NIDCPowerSourceDCVoltageWithLogger"
DMM = "ni.examples.NIDmmMeasurementWithLogger"
LOG = "measurements.ndjson"
_LOGGER_CLASS = "ni.logger.JSONLogService"
_DEVICES_CLASS = "ni.DeviceControl.CommService"


class Chain(Station):
    """A station with a platform, which plug-ins, logger and console find."""

    def __init__(self) -> None:
        super().__init__()
        self.sequences = self.folder / "sequences"
        self.log_file = self.folder / LOG
        self._own_environment = self.environment
        self._platforms = ExitStack()

    def lay_out(self) -> None:
        """Copy the sequences, pin maps and the bench of the chain."""
        left_out = shutil.ignore_patterns("tests", "e2e", "__pycache__", ".*", "*.lock")
        shutil.copytree(TESTSTAND, self.sequences, ignore=left_out)

    def start_platform(self, *plugins: str, options: tuple[object, ...] = ()) -> PlatformProcess:
        """Start a platform with plug-ins, given by their modules."""
        folder = self.folder / "plugins"
        folder.mkdir(exist_ok=True)
        for module in plugins:
            install(module, folder / module)
        own = self.folder / "platform"
        own.mkdir(exist_ok=True)
        started = running_platform(own, "--plugins", folder, *options)
        platform = self._platforms.enter_context(started)
        found = {**self._own_environment, **platform.environment}
        self.environment = hooked_environment(platform.state.discovery_address, found)
        return platform

    def stop_platform(self) -> None:
        """Stop the platform. What is started later finds none."""
        self._platforms.close()
        self.environment = self._own_environment

    def start_registered_logger(self, platform: PlatformProcess) -> Program:
        """Start a logger that registers with discovery, and wait until discovery knows it."""
        state, root = f"--state-file={self.logger_state}", f"--log-root={self.folder}"
        logger = Program(self, "logger", "json_logger_server", "serve", state, root)
        self._programs.append(logger)
        self._wait_until_known(platform, _LOGGER_CLASS)
        return logger

    def start_devices(self, platform: PlatformProcess) -> None:
        """Start the device server whose GPIO lines are nets of the platform's bench."""
        bench = f"--gpio=bench:{platform.state.device_server_address}"
        self.start("devices", "device_comm", "serve", bench, f"--map-root={self.folder}")
        self._wait_until_known(platform, _DEVICES_CLASS)

    def connect_resistors(self, platform: PlatformProcess) -> None:
        """Close the relay of the bench that connects the resistors to the ground."""
        control = self._platforms.enter_context(DeviceControl(platform.state.device_server_address))
        lines = self._platforms.enter_context(control.bench.net_driver("test"))
        lines.drive({"Dut/port0/line0": 3.3})

    def _wait_until_known(self, platform: PlatformProcess, service_class: str) -> None:
        with PlatformClient(platform.state.discovery_address) as client:
            wait_until(lambda: client.address_of(service_class) != "")

    def start_chain_console(self, *options: str) -> Console:
        """Start a console that offers the pin maps of the chain."""
        return self.start_console(f"--pin-maps={self.sequences}", *options)

    def __exit__(self, *error: object) -> None:
        super().__exit__(None, None, None)
        self._platforms.close()
        shutil.rmtree(self.folder, ignore_errors=True)
