"""A client asks for the pins of a pin map that fit an instrument type."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pin_map_xml import connection, dmm, group, pin_map_xml
from platform_sim.testing import PlatformFixture
from plugin_kit import PlatformError
from plugin_kit.calling import PlatformClient


@pytest.fixture
def client(ni_platform: PlatformFixture) -> Iterator[PlatformClient]:
    with PlatformClient(ni_platform.discovery_address) as client:
        yield client


def test_pins_that_fit_an_instrument_type_come_before_groups(
    ni_platform: PlatformFixture, client: PlatformClient
) -> None:
    pin_map_id = ni_platform.load_pin_map(
        pin_map_xml(
            instruments=[dmm("DMM1")],
            pins=["A", "B"],
            pin_groups=[group("Pin", "Group", "A")],
            sites=[0],
            connections=[connection("A", 0, "DMM1", 0)],
        )
    )
    assert client.pins(pin_map_id) == ["A", "B", "Group"]
    assert client.pins(pin_map_id, "niDMM") == ["A", "Group"]
    assert client.pins(pin_map_id, "niScope") == []


def test_an_unknown_pin_map_is_refused(client: PlatformClient) -> None:
    with pytest.raises(PlatformError, match="no-such-map"):
        client.pins("no-such-map")
