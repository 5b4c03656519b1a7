from __future__ import annotations

from collections.abc import Iterator

import pytest
from dmm_station import Station, running_station


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with running_station(tmp_path_factory.mktemp("station")) as station:
        yield station
