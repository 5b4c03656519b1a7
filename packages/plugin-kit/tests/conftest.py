"""Start a discovery service and, in another process, a plug-in of NI's SDK for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from plain_discovery import (
    SERVICE_CLASS,
    PlainDiscovery,
    environment,
    has_ipv6_loopback,
    running_discovery,
)
from plugin_kit.calling import MeasurementPlugin
from plugin_processes import served

pytest_plugins = ["own_station"]


@pytest.fixture(scope="session")
def ipv6() -> None:
    if not has_ipv6_loopback():
        pytest.skip("NI's SDK listens on [::1], which this machine does not have")


@pytest.fixture(scope="module")
def discovery(ipv6: None) -> Iterator[PlainDiscovery]:
    with running_discovery() as discovery:
        yield discovery


@pytest.fixture
def own_discovery(ipv6: None) -> Iterator[PlainDiscovery]:
    """A discovery service without registrations."""
    with running_discovery() as discovery:
        yield discovery


@pytest.fixture(scope="module")
def plain_plugin(discovery: PlainDiscovery) -> Iterator[None]:
    """The plug-in, which runs and is registered at discovery."""
    with served(discovery.program("plain_plugin"), environment(), SERVICE_CLASS):
        yield


@pytest.fixture
def plugin(discovery: PlainDiscovery, plain_plugin: None) -> Iterator[MeasurementPlugin]:
    """A client of the plug-in."""
    with MeasurementPlugin.resolve(SERVICE_CLASS, discovery_address=discovery.address) as plugin:
        yield plugin
