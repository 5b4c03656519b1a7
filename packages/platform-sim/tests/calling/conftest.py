"""One platform and one start of each test plug-in for all tests of a file."""

from __future__ import annotations

import pytest
from platform_sim.platform import Platform, PlatformOptions
from plugin_folders import TEST_PLUGINS
from plugin_kit.calling import MeasurementPlugin


@pytest.fixture(scope="module")
def shared_platform(tmp_path_factory):
    options = PlatformOptions(
        plugin_folders=(TEST_PLUGINS,),
        log_folder=tmp_path_factory.mktemp("logs"),
        has_device_server=False,
    )
    with Platform(options) as platform:
        yield platform


@pytest.fixture
def resolve(shared_platform):
    """Return a function that resolves a test plug-in by the end of its class name."""
    plugins = []

    def resolve(name):
        plugin = MeasurementPlugin.resolve(
            f"platform_sim.tests.{name}", discovery_address=shared_platform.discovery_address
        )
        plugins.append(plugin)
        return plugin

    yield resolve
    for plugin in plugins:
        plugin.close()
