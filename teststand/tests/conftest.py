"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chain import Chain
from running_chain import running_chain

pytest_plugins = ["own_station"]


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A platform and a logger that all tests share. At the end, nothing may be left of them."""
    with running_chain(tmp_path_factory.mktemp("chain")) as chain:
        yield chain
        chain.stop()
        chain.find_nothing_left()
