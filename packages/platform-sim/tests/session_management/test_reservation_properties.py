"""Rules that hold for every reservation, over gRPC and with NI's client."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ni.measurementlink.sessionmanagement.v1.client import (
    PinMapContext,
    SessionManagementClient,
)
from pin_map_strategies import pin_maps
from pin_map_xml import to_xml


@pytest.fixture(scope="module")
def client(ni_platform_module):
    with SessionManagementClient() as client:
        yield client


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pin_map=pin_maps(), data=st.data())
def test_a_reservation_has_unique_pins_and_channel_lists_that_cover_the_mappings(
    ni_platform_module, client, pin_map, data
):
    names = data.draw(st.lists(st.sampled_from(sorted(pin_map.leaf_by_name) or [""]), unique=True))
    names = [name for name in names if name]
    sites = data.draw(st.lists(st.sampled_from(pin_map.sites), unique=True))
    context = PinMapContext(ni_platform_module.load_pin_map(to_xml(pin_map)), sites)

    with client.reserve_sessions(context, names) as reservation:
        seen = set()
        for session in reservation.session_info:
            channels = [one.channel for one in session.channel_mappings]
            assert session.channel_list == ", ".join(dict.fromkeys(channels))
            for mapping in session.channel_mappings:
                key = (mapping.pin_or_relay_name, mapping.site, session.instrument_type_id)
                assert key not in seen
                seen.add(key)
                assert mapping.site in (-1, *(sites or pin_map.sites))
                assert not names or mapping.pin_or_relay_name in names
