"""Named repeated capabilities: the markers, script triggers, sites and pins of an instrument.

Channels and instruments have classes of their own; see channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from device_sim.base.channels import expand_numbers, tokens
from device_sim.errors import UNKNOWN_CHANNEL, DriverError


class Capability:
    """The names of one repeated capability.

    Args:
        facts: The table of the capability in `driver.toml`: `prefix`, such as `Marker`, and
            `count`. Its names are `Marker0`, `Marker1` and so on.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._prefix: str = facts["prefix"]
        self.names = tuple(f"{self._prefix}{number}" for number in range(facts["count"]))
        self._by_key = {name.lower(): name for name in self.names}

    def select(self, text: str) -> list[str]:
        """Return the names that a client's text lists, with or without prefix and instrument.

        An empty text names all.

        Raises:
            DriverError: A name does not exist.
        """
        return [n for token in tokens(text) for n in self._expand(token)] or list(self.names)

    def _expand(self, token: str) -> list[str]:
        numbers = token.rpartition("/")[2].lower().removeprefix(self._prefix.lower())
        keys = [f"{self._prefix}{number}".lower() for number in expand_numbers(numbers)]
        if not all(key in self._by_key for key in keys):
            raise DriverError(UNKNOWN_CHANNEL, f"Channel or repeated capability: {token}")
        return [self._by_key[key] for key in keys]
