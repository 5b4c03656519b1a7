"""The pytest plugin: one fixture gives a test a platform.

pytest loads this module in every run, by its entry point. So it imports heavy modules only when a
fixture is used. docs/testing-plugins.md shows how to use it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from device_sim import Faults
    from device_sim.bench import Bench
    from plugin_kit.calling import MeasurementPlugin

    from platform_sim.platform import Platform, PlatformOptions

__all__ = [
    "PlatformFixture",
    "ni_platform",
    "ni_platform_module",
    "ni_platform_options",
    "ni_platform_session",
]


class PlatformFixture:
    """A running platform, with helpers to start a plug-in and load a pin map."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self._platform = platform
        self._folder = folder
        self._plugins: list[MeasurementPlugin] = []
        self._pin_map_count = 0

    @property
    def discovery_address(self) -> str:
        """HOST:PORT of discovery, pin map and session management."""
        return self._platform.discovery_address

    @property
    def device_server_address(self) -> str:
        """HOST:PORT of the simulated NI gRPC Device Server."""
        return self._platform.state.device_server_address

    @property
    def bench(self) -> Bench:
        """The wiring of the simulated instruments: parts, setpoints, readings."""
        return self._platform.device_server.bench

    @property
    def faults(self) -> Faults:
        """Faults of the simulated instruments. They end with the platform."""
        return self._platform.device_server.faults

    @property
    def log_folder(self) -> Path:
        """Folder with the output of started plug-ins."""
        return self._platform.log_folder

    @property
    def waiting_reservations(self) -> int:
        """The number of callers that wait for sessions that others hold."""
        return self._platform.waiting_reservations

    def environment(self) -> dict[str, str]:
        """Return the environment for a process whose NI SDK must find this platform."""
        from platform_sim.hook import hooked_environment

        return hooked_environment(self.discovery_address, os.environ)

    def add_plugins(self, folder: Path) -> None:
        """Allow discovery to start the plug-ins in a folder and its subfolders."""
        self._platform.add_plugin_folder(folder)

    def plugin(self, service_class: str, *, version: str = "") -> MeasurementPlugin:
        """Return a client of a plug-in. Discovery starts the plug-in if it does not run.

        The client is closed with the platform.
        """
        from plugin_kit.calling import MeasurementPlugin

        plugin = MeasurementPlugin.resolve(
            service_class, discovery_address=self.discovery_address, version=version
        )
        self._plugins.append(plugin)
        return plugin

    def load_pin_map(self, source: Path | str) -> str:
        """Load a pin map and return its id.

        Args:
            source: A .pinmap file, or XML text.
        """
        from plugin_kit.calling import PlatformClient

        if isinstance(source, str):
            self._pin_map_count += 1
            file = self._folder / f"pin-map-{self._pin_map_count}.pinmap"
            file.write_text(source, encoding="utf-8")
            source = file
        with PlatformClient(self.discovery_address) as client:
            return client.load_pin_map(source)

    def check_limits(
        self,
        outputs: Mapping[str, object],
        limits: Mapping[str, object],
        site: int | None = None,
    ) -> None:
        """Fail the test if measured values are not within their limits.

        Args:
            outputs: The outputs that a plug-in returned.
            limits: Limits by output, as in the description of a sequence: ``low``, ``high``,
                ``nominal``, and ``sites`` with those of single sites.
            site: The site that was measured, if it was one.

        Raises:
            AssertionError: A value is not within its limits. The text names each of them.
            LimitsError: The limits are wrong, or do not fit the outputs.
        """
        from plugin_kit import check_limits, read_limits

        checks = check_limits(read_limits(limits), outputs, site)
        failed = [str(check) for check in checks if not check.passed]
        if failed:
            raise AssertionError("\n".join(failed))

    def close(self) -> None:
        """Close the clients."""
        for plugin in self._plugins:
            plugin.close()


class _RunningPlatforms:
    """Point the NI SDK of this process at one of the fixtures' platforms: the one of least scope.

    A platform of a run or a file may start after one of a test and end before it. So the previous
    value of the environment variable is not always the right one to restore.
    """

    _SCOPES = ("session", "module", "function")

    def __init__(self) -> None:
        self._running: list[tuple[int, str]] = []
        self._patch = pytest.MonkeyPatch()

    @contextmanager
    def running(self, scope: str, address: str) -> Iterator[None]:
        """Count a platform as running inside a with statement."""
        platform = (self._SCOPES.index(scope), address)
        self._running.append(platform)
        self._point()
        try:
            yield
        finally:
            self._running.remove(platform)
            self._point()

    def _point(self) -> None:
        from platform_sim.hook import discovery_variables

        self._patch.undo()
        if self._running:
            _, address = max(self._running)
            for name, value in discovery_variables(address).items():
                self._patch.setenv(name, value)


_running_platforms = _RunningPlatforms()


@pytest.fixture(scope="session")
def ni_platform_options() -> PlatformOptions | None:
    """Return the options of the other fixtures' platforms. Override it to change them."""
    return None


@pytest.fixture
def ni_platform(
    ni_platform_options: PlatformOptions | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformFixture]:
    """Yield a platform for this test alone. The NI SDK in this process finds it, too."""
    with _running("function", ni_platform_options, tmp_path_factory) as fixture:
        yield fixture


@pytest.fixture(scope="module")
def ni_platform_module(
    ni_platform_options: PlatformOptions | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformFixture]:
    """Yield a platform for all tests of a file. Its plug-ins are started only once.

    The NI SDK in this process finds it too, except while a test uses `ni_platform`.
    """
    with _running("module", ni_platform_options, tmp_path_factory) as fixture:
        yield fixture


@pytest.fixture(scope="session")
def ni_platform_session(
    ni_platform_options: PlatformOptions | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformFixture]:
    """Yield a platform for a whole run. With pytest-xdist each worker has one.

    The NI SDK in this process finds it, too, except while `ni_platform` or `ni_platform_module`
    runs. Its options come from a conftest.py in which `ni_platform_options` has session scope.
    """
    with _running("session", ni_platform_options, tmp_path_factory) as fixture:
        yield fixture


@contextmanager
def _running(
    scope: str, options: PlatformOptions | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlatformFixture]:
    from platform_sim.hook.inject import platform_sim_shim
    from platform_sim.platform import Platform, PlatformOptions

    folder = tmp_path_factory.mktemp("platform")
    options = options or PlatformOptions()
    if options.log_folder is None:
        options = dataclasses.replace(options, log_folder=folder / "logs")
    # The drivers of a test may export to its own folders, which only this user can enter.
    options = dataclasses.replace(options, file_roots=(*options.file_roots, folder.parent))
    platform_sim_shim.install()
    with (
        Platform(options) as running,
        _running_platforms.running(scope, running.discovery_address),
    ):
        fixture = PlatformFixture(running, folder)
        try:
            yield fixture
        finally:
            fixture.close()
