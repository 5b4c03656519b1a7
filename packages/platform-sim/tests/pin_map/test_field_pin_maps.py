"""Pin maps of real stations: files that the schema allows load, and a misspelling is named."""

from __future__ import annotations

import pytest
from ni.measurementlink.pinmap.v1.client import PinMapClient
from ni.measurementlink.sessionmanagement.v1.client import PinMapContext, SessionManagementClient
from pin_map_xml import (
    connection,
    daqmx,
    dcpower,
    dmm,
    element,
    group,
    multiplexed,
    pin_map_xml,
    relay_connection,
    system_connection,
)
from platform_sim.errors import InvalidRequestError, PinMapSyntaxError
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.partition import SessionPartition
from platform_sim.pin_map.validator import Severity, find_faults, refuse_unusable


def findings(xml):
    """Return severity, text of the line, and message of each finding."""
    lines = xml.splitlines()
    return [
        (one.severity, lines[one.line - 1].strip(), one.message)
        for one in find_faults(parse_pin_map(xml))
    ]


def sessions(xml):
    pin_map = parse_pin_map(xml)
    refuse_unusable(pin_map)
    leaves = [*pin_map.pin_by_name, *pin_map.relay_by_name]
    found = SessionPartition(pin_map).select(leaves, pin_map.sites)
    return [(one.session_name, one.channel_list) for one in found]


def test_channels_of_a_custom_instrument_may_stand_in_groups_without_a_name():
    logger = element(
        "Instrument",
        element("Channel", id="0"),
        element("ChannelGroup", element("Channel", id="1"), element("Channel", id="2"), id="Files"),
        name="Logger",
        instrumentTypeId="MyLogger",
    )
    connections = [system_connection("Log", "Logger", 2), connection("P", 0, "Logger", 0)]
    xml = pin_map_xml(
        instruments=[logger], pins=["P"], system_pins=["Log"], connections=connections
    )
    assert findings(xml) == []
    assert sessions(xml) == [("MyLogger-Logger", "0, 2")]
    unknown = xml.replace('channel="2"', 'channel="7"')
    with pytest.raises(InvalidRequestError, match='"Logger" has no channel 7, only 0, 1, 2'):
        sessions(unknown)


@pytest.mark.parametrize(
    ("listed", "used"),
    [
        ("Dev1/ai0:2, Dev1/ai5", ["Dev1/ai1", " Dev1/ai5"]),
        ("ai0:2, ai5", ["ai2", "ai5"]),
        ("Dev1/ai2:0", ["Dev1/ai0", "Dev1/ai1"]),
        ("Dev1/ai0:Dev1/ai2", ["Dev1/ai2", "Dev1/ai0"]),
        ("Dev1/ai0:dev1/AI2", ["Dev1/ai2", "Dev1/ai0"]),
        ("Line08:11", ["Line09", "Line11"]),
        ("Line10:08", ["Line8", "Line10"]),
        ("Line00:11", ["Line0", "Line11"]),
        ("cDAQ1Mod2/port0:1", ["cDAQ1Mod2/port0", "cDAQ1Mod2/port1"]),
        ("Dev1/ctr0, Dev1/_ao0_vs_aognd", ["Dev1/ctr0", "Dev1/_ao0_vs_aognd"]),
        ("Dev1/port0/line0:7\r\n", ["Dev1/port0/line0", "Dev1/port0/line7"]),
        (" Dev1/port0/line8:11 ,Dev1/port1/line0", ["Dev1/port0/line10", "Dev1/port1/line0"]),
    ],
)
def test_daqmx_ranges_and_blanks_are_channels(listed, used):
    pins = ["A", "B"]
    connections = [
        connection(pin, 0, "Task", channel) for pin, channel in zip(pins, used, strict=True)
    ]
    xml = pin_map_xml(instruments=[daqmx("Task", listed)], pins=pins, connections=connections)
    assert findings(xml) == []
    ((name, channels),) = sessions(xml)
    assert name == "Task"
    assert set(channels.split(", ")) == {channel.strip() for channel in used}


@pytest.mark.parametrize("listed", ["0:1,3", "0-1, 3", "1:0,3"])
def test_ranges_of_a_channel_group_are_its_channels(listed):
    connections = [connection(f"P{n}", 0, "SMU", n) for n in range(4)]
    xml = pin_map_xml(
        instruments=[dcpower("SMU", Most=listed, Other="2")],
        pins=[f"P{n}" for n in range(4)],
        connections=connections,
    )
    assert findings(xml) == []
    assert [name for name, _ in sessions(xml)] == [
        "niDCPower-SMU/0, SMU/1, SMU/3",
        "niDCPower-SMU/2",
    ]


@pytest.mark.parametrize("listed", ["Dev1/ai0:20000", f"Dev1/ai0:{'9' * 5000}"])
def test_a_range_of_too_many_channels_is_refused_at_its_line(listed):
    xml = pin_map_xml(instruments=[daqmx("Task", listed)])
    with pytest.raises(PinMapSyntaxError, match=r"(is|has) more than") as raised:
        parse_pin_map(xml)
    assert raised.value.line > 0


def test_a_daqmx_task_may_be_a_relay_driver():
    task = element(
        "NIDAQmxTask",
        name="Relays",
        taskType="DO",
        channelList="Dev1/port0/line0:7",
        useAsRelayDriver="true",
    )
    xml = pin_map_xml(
        instruments=[task],
        pins=["P"],
        relays=[element("SiteRelay", name="R", openStateDisplayLabel="off")],
        connections=[
            relay_connection("R", 0, "Relays", "Dev1/port0/line3"),
            connection("P", 0, "Relays", "Dev1/port0/line4"),
        ],
    )
    assert findings(xml) == []
    assert sessions(xml) == [("Relays", "Dev1/port0/line3, Dev1/port0/line4")]


RFPM = element("NIRFPMInstrument", name="VST1", portsList="1-4", calibrationFilePath="")
WITH_AN_UNKNOWN_KIND = pin_map_xml(
    instruments=[dmm("DMM1"), RFPM],
    pins=["P", "RFIN"],
    pin_groups=[group("Pin", "All", "P", "RFIN")],
    connections=[
        connection("P", 0, "DMM1", 0),
        connection("RFIN", 0, "VST1", 1),
        multiplexed("VST1", 2, ("P", 0, "Mux", "route")),
    ],
)


def test_an_unknown_kind_of_instrument_is_noted_at_its_line_and_at_its_connections():
    kind, *rest = findings(WITH_AN_UNKNOWN_KIND)
    assert kind == (
        Severity.WARNING,
        RFPM.strip(),
        'NIRFPMInstrument "VST1" in Instruments is unknown.',
    )
    why = '"VST1" is a NIRFPMInstrument, which has no session here.'
    assert [message for _, _, message in rest] == [
        f'Connection of "RFIN": {why}',
        f'Connection of "P": {why}',
    ]


def test_an_unknown_kind_of_instrument_costs_its_own_pins_only(ni_platform):
    pin_map_id = ni_platform.load_pin_map(WITH_AN_UNKNOWN_KIND)
    where = PinMapContext(pin_map_id=pin_map_id, sites=None)
    with SessionManagementClient() as client:
        with client.reserve_sessions(where, ["P", "RFIN"]) as both:
            assert [one.session_name for one in both.session_info] == ["niDMM-DMM1"]
        with client.reserve_sessions(where) as everything:
            assert [one.session_name for one in everything.session_info] == ["niDMM-DMM1"]
        told = r'"RFIN" cannot be reserved: "VST1" is a NIRFPMInstrument'
        with pytest.raises(Exception, match=told):
            client.reserve_session(where, ["RFIN"])


def test_pins_of_an_unknown_kind_are_passed_over_with_their_connections():
    xml = WITH_AN_UNKNOWN_KIND.replace('<DUTPin name="RFIN"', '<OpticalPin name="RFIN"')
    refuse_unusable(parse_pin_map(xml))
    assert [name for name, _ in sessions(xml)] == ["niDMM-DMM1"]


@pytest.mark.parametrize("minor", range(10))
def test_every_schema_version_up_to_1_9_is_known(minor, ni_platform, tmp_path):
    file = tmp_path / "Case.pinmap"
    file.write_text(WITH_AN_UNKNOWN_KIND.replace('"1.6"', f'"1.{minor}"'))
    PinMapClient().update_pin_map(file)
    told = [one[2] for one in findings(file.read_text())]
    assert not any("schemaVersion" in message for message in told)


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ("<NIDmmInstrument", "<NIDmInstrument"),
        ("<DUTPin", "<DutPin"),
        ("<PinReference", "<PinRef"),
        ("<Connection ", "<Conection "),
        ("<Site ", "<Sites "),
        ('siteNumber="0" instrument', 'siteNumbre="0" siteNumber="0" instrument'),
    ],
)
def test_a_misspelling_is_an_error_at_its_line_that_names_what_was_meant(known, written):
    xml = pin_map_xml(
        instruments=[dmm("DMM1")],
        pins=["P"],
        pin_groups=[group("Pin", "G", "P")],
        connections=[connection("P", 0, "DMM1", 0)],
    )
    xml = xml.replace(known, written, 1)
    errors = [one for one in find_faults(parse_pin_map(xml)) if one.severity is Severity.ERROR]
    named = [one for one in errors if one.remedy.startswith("Write ")]
    assert [written.split("=")[0].strip("<> ") in one.message for one in named] == [True]
    assert named[0].remedy.split('"')[1] in known
    assert written in xml.splitlines()[named[0].line - 1]


def test_an_attribute_that_is_no_misspelling_is_a_note():
    xml = pin_map_xml(
        instruments=[element("NIDmmInstrument", name="DMM1", chanels="4")],
        pins=["P"],
        connections=[connection("P", 0, "DMM1", 0)],
    )
    ((severity, line, message),) = findings(xml)
    assert severity is Severity.WARNING
    assert "chanels" in line
    assert message == 'NIDmmInstrument has no attribute "chanels".'
