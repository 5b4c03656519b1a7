"""The findings of the validator, their lines, and the pin maps that it accepts."""

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
from platform_sim.pin_map.validator import Severity, find_faults


def faults(xml):
    return [
        (one.severity.value, one.message, xml.splitlines()[one.line - 1] if one.line else "")
        for one in find_faults(parse_pin_map(xml))
    ]


def small(**changes):
    return pin_map_xml(
        **{
            "instruments": [dmm("DMM1"), dcpower("SMU"), relay_driver("Module", 8)],
            "pins": ["P"],
            "system_pins": ["S"],
            "sites": [0, 1],
            "connections": [
                connection("P", "0,1", "DMM1", 0),
                system_connection("S", "SMU", 0),
            ],
            **changes,
        }
    )


def test_a_pin_map_with_every_element_has_no_errors():
    assert faults(every_kind()) == []


@pytest.mark.parametrize(
    ("bad", "message", "place"),
    [
        (connection("Typo", 0, "DMM1", 0), 'pin "Typo", which is not defined', "Typo"),
        (connection("P", 0, "Typo", 0), 'instrument "Typo" is not defined', "Typo"),
        (connection("P", 7, "SMU", 1), "site 7 is not defined", 'siteNumber="7"'),
        (connection("P", 0, "SMU", 4), "no channel 4, only 0 to 3", 'channel="4"'),
        (connection("P", 0, "DMM1", 1), "no channel 1, only 0 to 0", 'channel="1"'),
        (connection("P", 0, "SMU", "x"), "no channel x", 'channel="x"'),
        (connection("P", 0, "Module", 0), "is of type niRelayDriver", "Module"),
        (connection("S", 0, "SMU", 1), "is a system pin", 'pin="S"'),
        (system_connection("P", "SMU", 1), "is a site pin", 'pin="P"'),
        (relay_connection("Typo", 0, "Module", "K0"), 'relay "Typo"', "Typo"),
        (multiplexed("SMU", 1, ("P", 0, "Typo", "r")), 'multiplexer "Typo"', "Typo"),
    ],
)
def test_a_connection_to_nothing_is_an_error_at_its_line(bad, message, place):
    found = [one for one in faults(small(connections=[bad])) if one[0] == "error"]
    assert len(found) == 1
    assert message in found[0][1]
    assert place in found[0][2]


def test_a_pin_connected_twice_on_a_site_for_one_type_is_an_error():
    twice = [connection("P", "0,1", "SMU", 0), connection("P", 1, "SMU", 1)]
    found = faults(small(connections=twice))
    message = '"P" on site 1 is connected to two channels of type niDCPower, first in line'
    assert any(one[0] == "error" and message in one[1] for one in found)


def test_a_pin_may_be_connected_to_instruments_of_several_types():
    both = [
        connection("P", "0,1", "SMU", 1),
        connection("P", "0,1", "DMM1", 0),
        system_connection("S", "SMU", 0),
    ]
    assert faults(small(connections=both)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instruments": [dmm("Same"), dmm("Same")], "connections": []}, 'Instrument "Same"'),
        ({"pins": ["P", "P"]}, 'group "P" is defined twice'),
        ({"pin_groups": [group("Pin", "P")]}, 'group "P" is defined twice'),
        ({"sites": [0, 1, 0]}, 'Site "0"'),
        ({"pin_groups": [group("Pin", "G", "Typo")]}, 'refers to "Typo"'),
        (
            {"pin_groups": [group("Pin", "G", "H"), group("Pin", "H", "G")]},
            'Group "G" contains itself',
        ),
        (
            {"instruments": [dmm("DMM1"), dcpower("SMU", A="0,1", B="1,2,3")]},
            'in the channel groups "A" and "B"',
        ),
        ({"instruments": [dmm("DMM1"), dcpower("SMU", A="0,9")]}, "no channel 9"),
        (
            {
                "instruments": [dmm("DMM1"), dcpower("SMU"), relay_driver("Module", 8)],
                "relays": [element("SystemRelay", name="R")],
                "connections": [relay_connection("R", None, "Module", "K8")],
            },
            "no control line K8, only 0 to 7",
        ),
        (
            {
                "instruments": [custom("X", "T", "a", "b")],
                "connections": [connection("P", 0, "X", "c")],
            },
            "no channel c, only a, b",
        ),
        (
            {
                "instruments": [daqmx("Task", "Dev1/ai0")],
                "connections": [connection("P", 0, "Task", "Dev1/ai5")],
            },
            "no channel Dev1/ai5",
        ),
    ],
)
def test_errors_of_definitions(changes, message):
    found = [one for one in faults(small(**changes)) if one[0] == "error"]
    assert any(message in one[1] for one in found), found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pins": ["P", "Idle"]}, '"Idle" is not connected on site 0, 1'),
        ({"system_pins": ["S", "Idle"]}, '"Idle" is not connected.'),
        ({"schema_version": "2.0"}, 'schemaVersion is "2.0"'),
        (
            {"instruments": [dmm("DMM1"), dcpower("SMU", A="1")]},
            'Channel 0 of "SMU" is in no channel group',
        ),
        (
            {
                "pins": ["P", "Q"],
                "connections": [
                    connection("P", "0,1", "DMM1", 0),
                    connection("Q", "0,1", "DMM1", 0),
                    system_connection("S", "SMU", 0),
                ],
            },
            'is connected to "P"',
        ),
    ],
)
def test_what_is_odd_but_usable_is_a_warning(changes, message):
    ((severity, text, _),) = faults(small(**changes))
    assert (severity, message in text) == ("warning", True), text


def test_every_finding_says_how_to_fix_it():
    xml = small(connections=[connection("Typo", 7, "Typo", 9)], schema_version="")
    findings = find_faults(parse_pin_map(xml))
    assert {one.severity for one in findings} == {Severity.ERROR, Severity.WARNING}
    assert all(one.remedy.endswith(".") for one in findings)


def test_channels_without_a_declared_number_are_not_judged():
    scope = with_channels("NIScopeInstrument", "Scope", 2).replace('numberOfChannels="2"', "")
    xml = small(instruments=[scope], connections=[connection("P", "0,1", "Scope", 31)])
    assert [one for one in faults(xml) if one[0] == "error"] == []
