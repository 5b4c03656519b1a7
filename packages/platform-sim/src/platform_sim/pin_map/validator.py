"""Finds what is wrong in a pin map."""

from __future__ import annotations

from platform_sim.errors import InvalidRequestError
from platform_sim.pin_map.model import PinMap


def refuse_unusable(pin_map: PinMap) -> None:
    """Raises when a connection names an instrument that does not exist.

    Raises:
        InvalidRequestError: Names the first such connection.
    """
    for connection in pin_map.connections:
        if connection.instrument not in pin_map.instrument_by_name:
            raise InvalidRequestError(
                f"line {connection.line}: instrument {connection.instrument!r} is not defined."
            )
