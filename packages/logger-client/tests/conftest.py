"""Hide the station of the user from the tests."""

from __future__ import annotations

pytest_plugins = ["own_station"]
