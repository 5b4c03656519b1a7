"""Run platform-sim in the test's process, with clients that need no hook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("platform_sim", reason="needs measurement-platform-sim")

from bare_platform import discovery_client, start_platform
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from platform_sim import Platform


@pytest.fixture
def bare_platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform without instruments, which is quick to start."""
    platform = start_platform(tmp_path / "logs")
    yield platform
    platform.stop()


@pytest.fixture
def client(bare_platform: Platform) -> DiscoveryClient:
    return discovery_client(bare_platform)


@pytest.fixture
def restart(tmp_path: Path) -> Iterator[Callable[[Platform | None], Platform]]:
    """Stops a platform and starts another."""
    started: list[Platform] = []

    def start_after(before: Platform | None) -> Platform:
        if before is not None:
            before.stop()
        started.append(start_platform(tmp_path / f"logs-{len(started)}"))
        return started[-1]

    yield start_after
    for platform in started:
        platform.stop()
