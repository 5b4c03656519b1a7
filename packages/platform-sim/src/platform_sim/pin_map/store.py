"""Keep the loaded pin maps by id."""

from __future__ import annotations

import logging

from platform_sim.errors import AlreadyKnownError, InvalidRequestError, NotKnownError
from platform_sim.pin_map.model import PinMap
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.partition import SessionPartition
from platform_sim.pin_map.validator import refuse_unusable

_logger = logging.getLogger(__name__)


class PinMapStore:
    """Pin maps by id. By NI's convention the id is the path of the .pinmap file."""

    def __init__(self) -> None:
        self._pin_maps: dict[str, PinMap] = {}
        self._partitions: dict[str, SessionPartition] = {}

    def create(self, pin_map_id: str, xml: str) -> PinMap:
        """Add a pin map.

        Raises:
            InvalidRequestError: The id is empty or has white space, or the XML is no pin map.
            AlreadyKnownError: The id is in use.
        """
        if not pin_map_id or any(character.isspace() for character in pin_map_id):
            raise InvalidRequestError(
                f"pin_map_id {pin_map_id!r} must not be empty or contain white space."
            )
        if pin_map_id in self._pin_maps:
            raise AlreadyKnownError(f"A pin map with id {pin_map_id!r} exists. Update it instead.")
        return self.update(pin_map_id, xml)

    def update(self, pin_map_id: str, xml: str) -> PinMap:
        """Add or replace a pin map. Reservations made with an older one stay.

        Raises:
            InvalidRequestError: The XML is no pin map.
        """
        pin_map = parse_pin_map(xml)
        refuse_unusable(pin_map)
        if pin_map.unknown:
            _logger.warning(
                "%s: %d connections belong to no session here, and %d elements and attributes are "
                "unknown. List them with 'platform-sim pinmap check'.",
                pin_map_id,
                len(pin_map.unusable_connections),
                len(pin_map.unknown),
            )
        self._partitions[pin_map_id] = SessionPartition(pin_map)
        self._pin_maps[pin_map_id] = pin_map
        return pin_map

    def get(self, pin_map_id: str) -> PinMap:
        """Return a pin map.

        Raises:
            NotKnownError: No pin map has this id.
        """
        pin_map = self._pin_maps.get(pin_map_id)
        if pin_map is None:
            raise NotKnownError(f"No pin map has the id {pin_map_id!r}. Load the pin map first.")
        return pin_map

    def partition(self, pin_map_id: str) -> SessionPartition:
        """Return the sessions of a pin map.

        Raises:
            NotKnownError: No pin map has this id.
        """
        self.get(pin_map_id)
        return self._partitions[pin_map_id]
