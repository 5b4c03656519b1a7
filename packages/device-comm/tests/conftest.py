"""Device servers for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from device_comm_process import DeviceCommProcess

pytest_plugins = ["own_station"]

pytest.register_assert_rewrite("session_promises")


@pytest.fixture(scope="module")
def anonymous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceCommProcess]:
    """A device server without tokens, shared by the tests of a module."""
    with DeviceCommProcess(tmp_path_factory.mktemp("devices"), "--anonymous") as process:
        yield process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceCommProcess]:
    """A device server with tokens, shared by the tests of a module."""
    with DeviceCommProcess(tmp_path_factory.mktemp("server")) as process:
        yield process


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[DeviceCommProcess]:
    """A device server with tokens, for a single test."""
    with DeviceCommProcess(tmp_path) as process:
        yield process
