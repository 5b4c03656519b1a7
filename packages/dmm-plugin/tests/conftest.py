from __future__ import annotations

from collections.abc import Iterator

import pytest
from dmm_under_test import PLUGIN
from logger_station import Station, running_station

pytest_plugins = ["own_station"]

pytest.register_assert_rewrite("hosting_promises")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with running_station(PLUGIN, tmp_path_factory.mktemp("station")) as station:
        yield station
