"""A measurement that names no site gets all sites of the pin map."""

from __future__ import annotations

import pytest
from pin_map_xml import connection, dmm, pin_map_xml
from plugin_folders import TEST_PLUGINS, V1, V2, write_script_plugin

BEHAVIOUR = "platform_sim.tests.Behaviour"
READS_A_PIN = """
    from pathlib import Path
    import ni_measurement_plugin_sdk_service as nims

    service = nims.MeasurementService(
        service_config_path=Path(__file__).with_name("plugin.serviceconfig"))

    @service.register_measurement
    @service.configuration("pin", nims.DataType.IOResource, "A")
    @service.output("site", nims.DataType.Int32)
    @service.output("volts", nims.DataType.Double)
    def measure(pin):
        with service.context.reserve_session(pin) as reservation:
            with reservation.initialize_nidmm_session():
                connection = reservation.get_nidmm_connection(pin)
                return connection.site, connection.session.read()

    with service.host_service():
        input()
"""
SIMULATED = """
MEASUREMENT_PLUGIN_NIDMM_SIMULATE=1
MEASUREMENT_PLUGIN_NIDMM_BOARD_TYPE=PXIe
MEASUREMENT_PLUGIN_NIDMM_MODEL=4081
"""


def pin_map(*sites: int, wired: int) -> str:
    """Return a pin map with pin A on a DMM, connected on one site."""
    return pin_map_xml(
        instruments=[dmm("DMM1")],
        pins=["A"],
        sites=sites,
        connections=[connection("A", wired, "DMM1", 0)],
    )


def test_a_plugin_of_the_real_sdk_finds_its_connection(ni_platform, tmp_path):
    write_script_plugin(tmp_path / "reads", "test.Reads", READS_A_PIN, providedInterfaces=[V1, V2])
    (tmp_path / "reads" / ".env").write_text(SIMULATED)
    ni_platform.add_plugins(tmp_path)
    pin_map_id = ni_platform.load_pin_map(pin_map(5, wired=5))

    (outputs,) = ni_platform.plugin("test.Reads").stream(pin_map_id=pin_map_id)

    assert outputs["site"] == 5


@pytest.fixture
def behaviour(ni_platform):
    ni_platform.add_plugins(TEST_PLUGINS)
    return ni_platform.plugin(BEHAVIOUR)


def test_every_site_of_the_pin_map_is_sent_also_one_without_connections(ni_platform, behaviour):
    pin_map_id = ni_platform.load_pin_map(pin_map(0, 3, 2, wired=3))
    (outputs,) = behaviour.stream(pin_map_id=pin_map_id)
    assert outputs["sites"] == [0, 3, 2]


def test_sites_that_are_named_are_sent_as_they_are(ni_platform, behaviour):
    pin_map_id = ni_platform.load_pin_map(pin_map(0, 3, wired=3))
    (outputs,) = behaviour.stream(pin_map_id=pin_map_id, sites=[3])
    assert outputs["sites"] == [3]


def test_without_a_pin_map_no_site_is_sent(behaviour):
    (outputs,) = behaviour.stream()
    assert outputs["sites"] == []
