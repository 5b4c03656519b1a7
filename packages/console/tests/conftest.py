"""Hide the station of the user, and give each test a station of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from running_station import Station

pytest_plugins = ["own_station"]


@pytest.fixture
def station() -> Iterator[Station]:
    """A folder with a runtime folder, in which a logger and consoles run."""
    from running_station import Station  # not before the plugin below is loaded

    with Station() as station:
        yield station
