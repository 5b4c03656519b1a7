"""A plug-in of pytest for NI's SDK tests: the discovery service that they start runs already."""

from __future__ import annotations

from typing import Any

import pytest

_FIXTURE = "discovery_service_process"


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> object | None:
    """Give the fixture a value. NI's own skips all tests where the system is not Windows."""
    if fixturedef.argname != _FIXTURE:
        return None
    fixturedef.cached_result = (None, fixturedef.cache_key(request), None)
    return True
