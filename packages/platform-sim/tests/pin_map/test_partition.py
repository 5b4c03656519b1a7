"""The sessions of a pin map, for each instrument type."""

from __future__ import annotations

import pytest
from pin_map_xml import (
    connection,
    custom,
    daqmx,
    dcpower,
    dmm,
    element,
    every_kind,
    group,
    multiplexed,
    pin_map_xml,
    relay_connection,
    relay_driver,
    system_connection,
    with_channels,
)
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.partition import SessionPartition
from platform_sim.pin_map.queries import expand_names


def sessions(xml, names=(), sites=None, type_id=""):
    pin_map = parse_pin_map(xml)
    leaves, _ = expand_names(pin_map, names)
    return SessionPartition(pin_map).select(leaves, sites or pin_map.sites, type_id)


def resources(found):
    return [(one.resource_name, one.channel_list) for one in found]


def mappings(session):
    return [(row.leaf, row.site, row.channel) for row in session.rows]


TWO_SMUS = {
    "instruments": [dcpower("SMU1"), dcpower("SMU2")],
    "pins": ["A", "B"],
    "system_pins": ["S"],
    "sites": [0, 1],
    "connections": [
        connection("B", 1, "SMU2", 1),
        connection("A", 0, "SMU1", 2),
        connection("A", 1, "SMU1", 0),
        connection("B", 0, "SMU1", 1),
        system_connection("S", "SMU2", 0),
    ],
}


def test_dcpower_has_one_session_for_a_channel_group_across_instruments():
    (session,) = sessions(pin_map_xml(**TWO_SMUS))
    assert session.session_name == "niDCPower-SMU1/0, SMU1/1, SMU1/2, SMU2/0, SMU2/1"
    assert session.channel_list == "SMU1/0, SMU1/1, SMU1/2, SMU2/0, SMU2/1"


def test_dcpower_opens_all_connected_channels_but_lists_those_asked_for():
    (session,) = sessions(pin_map_xml(**TWO_SMUS), names=["A"], sites=[1])
    assert resources([session]) == [("SMU1/0, SMU1/1, SMU1/2, SMU2/0, SMU2/1", "SMU1/0")]
    assert mappings(session) == [("A", 1, "SMU1/0")]


def test_dcpower_groups_of_other_names_are_other_sessions():
    xml = pin_map_xml(
        instruments=[dcpower("SMU1", A="0,1", B="2,3"), dcpower("SMU2", B=None)],
        pins=["P", "Q", "R"],
        connections=[
            connection("P", 0, "SMU1", 1),
            connection("Q", 0, "SMU1", 3),
            connection("R", 0, "SMU2", 0),
        ],
    )
    assert resources(sessions(xml)) == [("SMU1/1", "SMU1/1"), ("SMU1/3, SMU2/0", "SMU1/3, SMU2/0")]


def test_channel_ten_comes_after_channel_nine():
    xml = pin_map_xml(
        instruments=[dcpower("SMU", 12)],
        pins=["P", "Q"],
        connections=[connection("P", 0, "SMU", 10), connection("Q", 0, "SMU", 9)],
    )
    assert resources(sessions(xml)) == [("SMU/9, SMU/10", "SMU/9, SMU/10")]


def test_system_pins_come_with_any_site_when_named_or_when_nothing_is():
    xml = pin_map_xml(**TWO_SMUS)
    for names in (["B", "S"], []):
        (session,) = sessions(xml, names, sites=[0])
        assert ("S", -1, "SMU2/0") in mappings(session)
    (session,) = sessions(xml, ["B"], sites=[0])
    assert mappings(session) == [("B", 0, "SMU1/1")]


def test_a_shared_pin_has_one_channel_and_a_mapping_for_each_site():
    xml = pin_map_xml(
        instruments=[dmm("DMM1")],
        pins=["Out"],
        sites=[0, 1, 2],
        connections=[connection("Out", "0,1,2", "DMM1", 0)],
    )
    (session,) = sessions(xml, sites=[0, 2])
    assert session.channel_list == "0"
    assert mappings(session) == [("Out", 0, "0"), ("Out", 2, "0")]


def test_scopes_of_one_group_share_a_session_with_qualified_channels():
    xml = pin_map_xml(
        instruments=[
            with_channels("NIScopeInstrument", "S1", 2, "Group"),
            with_channels("NIScopeInstrument", "S2", 2, "Group"),
            with_channels("NIScopeInstrument", "S3", 2, "Alone"),
        ],
        pins=["P", "Q", "R"],
        connections=[
            connection("Q", 0, "S2", 0),
            connection("P", 0, "S1", 1),
            connection("R", 0, "S3", 1),
        ],
    )
    assert resources(sessions(xml)) == [("S1, S2", "S1/1, S2/0"), ("S3", "1")]


def test_digital_channels_are_pins_site_by_site_in_request_order():
    xml = pin_map_xml(
        instruments=[with_channels("NIDigitalPatternInstrument", "D1", 32, "Digital")],
        pins=["CS", "CLK"],
        system_pins=["RESET"],
        sites=[0, 1],
        connections=[
            connection("CS", 0, "D1", 0),
            connection("CS", 1, "D1", 1),
            connection("CLK", 0, "D1", 2),
            connection("CLK", 1, "D1", 3),
            system_connection("RESET", "D1", 4),
        ],
    )
    (session,) = sessions(xml, ["CLK", "CS", "RESET"])
    assert session.channel_list == "site0/CLK, site0/CS, site1/CLK, site1/CS, RESET"


def test_fgen_dmm_and_custom_instruments_are_a_session_each():
    xml = pin_map_xml(
        instruments=[
            with_channels("NIFGenInstrument", "F1", 2),
            dmm("DMM1"),
            custom("GPIB0::3::INSTR", "Visa", "b", "a"),
        ],
        pins=["P", "Q", "R", "T", "U"],
        connections=[
            connection("P", 0, "F1", 1),
            connection("Q", 0, "F1", 0),
            connection("R", 0, "DMM1", 0),
            connection("T", 0, "GPIB0::3::INSTR", "a"),
            connection("U", 0, "GPIB0::3::INSTR", "b"),
        ],
    )
    found = sessions(xml)
    assert resources(found) == [("F1", "0, 1"), ("DMM1", "0"), ("GPIB0::3::INSTR", "b, a")]
    names = [one.session_name for one in found]
    assert names == ["niFGen-F1", "niDMM-DMM1", "Visa-GPIB0::3::INSTR"]


def test_a_daqmx_session_is_named_by_its_task_alone():
    xml = pin_map_xml(
        instruments=[daqmx("Task", "Dev1/ai0, Dev1/ai1")],
        pins=["P", "Q"],
        connections=[
            connection("P", 0, "Task", "Dev1/ai1"),
            connection("Q", 0, "Task", "Dev1/ai0"),
        ],
    )
    (session,) = sessions(xml)
    assert session.session_name == "Task"
    assert session.channel_list == "Dev1/ai0, Dev1/ai1"


def test_relays_are_sessions_of_their_driver_modules():
    xml = pin_map_xml(
        instruments=[relay_driver("M1"), relay_driver("M2")],
        relays=[element("SiteRelay", name="R"), element("SystemRelay", name="S")],
        relay_groups=[group("Relay", "All", "R", "S")],
        sites=[0, 1],
        connections=[
            relay_connection("R", 0, "M1", "K10"),
            relay_connection("R", 1, "M2", "K10"),
            relay_connection("S", None, "M1", "K2"),
        ],
    )
    first, second = sessions(xml, ["All"])
    assert mappings(first) == [("S", -1, "K2"), ("R", 0, "K10")]
    assert mappings(second) == [("R", 1, "K10")]


def test_several_routes_share_a_multiplexed_channel():
    xml = pin_map_xml(
        instruments=[dcpower("SMU"), element("Multiplexer", name="M", multiplexerTypeId="T")],
        pins=["A", "B"],
        connections=[multiplexed("SMU", 0, ("A", 0, "M", "c0->r0"), ("B", 0, "M", "c1->r0"))],
    )
    (session,) = sessions(xml)
    assert session.channel_list == "SMU/0"
    assert [(row.leaf, row.multiplexer, row.route) for row in session.rows] == [
        ("A", "M", "c0->r0"),
        ("B", "M", "c1->r0"),
    ]


def test_a_group_and_its_member_together_give_the_member_once():
    (session,) = sessions(every_kind(), ["Power", "Vcc"], sites=[0], type_id="niDCPower")[:1]
    assert [row.leaf for row in session.rows] == ["Vcc"]


@pytest.mark.parametrize("type_id", ["niDCPower", "niDMM", "niScope", "JsonLoggerService"])
def test_the_type_filter_leaves_one_type(type_id):
    found = sessions(every_kind(), type_id=type_id)
    assert found
    assert {one.type_id for one in found} == {type_id}
