"""Pins, pin groups, sites and channels name the same things as in NI's driver."""

from __future__ import annotations

import nidigital
import pytest
from digital_files import PIN_MAP_NAMESPACE, pin_map
from driver_client import invoke, request_for
from every_driver import DRIVERS

UNKNOWN_CHANNEL = -1074135008
INVALID_VALUE = -1074135024
READING_FAILED = -1074135037
L = nidigital.PinState.L


def refused(code: int, action) -> str:
    with pytest.raises(nidigital.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


def information(target) -> list[tuple[str, int, str]]:
    return [tuple(each) for each in target.get_pin_results_pin_information()]


def test_channels_of_two_instruments_are_numbered_one_after_the_other(open_digital):
    session = open_digital("PXI1Slot2,PXI1Slot5")
    assert session.channel_count == 64
    assert session.get_channel_names([0, "31-32", 63]) == [
        "PXI1Slot2/0",
        "PXI1Slot2/31",
        "PXI1Slot5/0",
        "PXI1Slot5/31",
    ]
    refused(UNKNOWN_CHANNEL, lambda: session.get_channel_names(64))


def test_without_a_pin_map_channels_have_no_pins(open_digital):
    session = open_digital("DIG1")
    assert information(session.channels["5,3"]) == [("", -1, "5"), ("", -1, "3")]
    refused(UNKNOWN_CHANNEL, lambda: session.pins["A"].read_static())


def test_results_come_with_pin_site_and_channel_in_the_order_of_the_request(mapped):
    assert information(mapped.pins["C", "site1/A", "S"]) == [
        ("C", 0, "DIG1/2"),
        ("C", 1, "DIG2/2"),
        ("A", 1, "DIG2/0"),
        ("S", -1, "DIG1/3"),
    ]
    assert information(mapped.channels["DIG2/1", "DIG2/31"]) == [
        ("B", 1, "DIG2/1"),
        ("", -1, "DIG2/31"),
    ]
    assert len(information(mapped)) == 64


def test_a_group_stands_for_its_pins_and_a_group_within_it_for_its_own(mapped):
    names = [pin for pin, _, _ in information(mapped.pins["All"])]
    assert names == ["A", "A", "B", "B", "C", "C"]
    assert [site for _, site, _ in information(mapped.sites[1].pins["AB"])] == [1, 1]


def test_names_of_pins_do_not_depend_on_case(mapped):
    assert information(mapped.pins["site0/a", "all"]) == information(mapped.pins["site0/A", "All"])


def test_a_property_is_set_on_all_sites_of_a_pin_or_on_one(mapped):
    mapped.vil = 1.0
    mapped.pins["A"].vil = 2.0
    mapped.sites[1].pins["A"].vil = 3.0
    assert [mapped.channels[name].vil for name in ("DIG1/0", "DIG2/0", "DIG1/1")] == [2.0, 3.0, 1.0]
    assert mapped.pins["site0/B"].vil == 1.0


def test_disabled_sites_give_no_results(mapped):
    assert mapped.pins["A"].read_static() == [L, L]
    mapped.sites[0].disable_sites()
    assert not mapped.sites[0].is_site_enabled()
    assert mapped.sites[1].is_site_enabled()
    assert information(mapped.pins["A", "S"]) == [("A", 1, "DIG2/0"), ("S", -1, "DIG1/3")]
    assert mapped.pins["A"].read_static() == [L]
    mapped.enable_sites()
    assert mapped.pins["A"].read_static() == [L, L]


@pytest.mark.parametrize("name", ["D", "site2/A", "site0/D", "sitex/A", "DIG3/0", "DIG1/32", "A/B"])
def test_a_name_that_does_not_exist_is_refused(mapped, name):
    assert refused(UNKNOWN_CHANNEL, lambda: mapped.pins[name].read_static())


def test_a_site_that_does_not_exist_is_refused_with_those_that_do(mapped):
    assert "Sites: 0, 1" in refused(UNKNOWN_CHANNEL, lambda: mapped.sites[2].is_site_enabled())


def test_a_second_pin_map_is_refused_until_the_session_is_reset(mapped, put):
    path = put("other.pinmap", pin_map({"X site 0": "DIG1/7"}))
    assert "Reset the session first" in refused(INVALID_VALUE, lambda: mapped.load_pin_map(path))
    mapped.reset()
    mapped.load_pin_map(path)
    assert information(mapped.pins["X"]) == [("X", 0, "DIG1/7")]


def test_connections_of_other_instruments_are_left_out(open_digital, put):
    session = open_digital("DIG1")
    connections = {"A site 0": "dig1/4", "B site 0": "DIG9/1", "V site 0": "SMU1/0"}
    session.load_pin_map(put("p.pinmap", pin_map(connections)))
    assert information(session.pins["A"]) == [("A", 0, "4")]
    assert information(session.pins["B"]) == []
    session.pins["B"].vih = 2.0
    assert "no channel in this session" in refused(UNKNOWN_CHANNEL, lambda: session.pins["B"].vih)


def test_one_channel_may_serve_several_sites(open_digital, put):
    text = pin_map({"A site 0": "DIG1/4", "B site 1": "DIG1/5"})
    session = open_digital("DIG1")
    shared = text.replace('siteNumber="0" pin="A"', 'siteNumber="0,1" pin="A"')
    session.load_pin_map(put("p.pinmap", shared))
    assert information(session.sites[0, 1].pins["A"]) == [("A", 0, "4"), ("A", 1, "4")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not XML"),
        ("<PinMap", "not XML"),
        ("<PinLevelsFile/>", "where a PinMap is expected"),
        (f'<!DOCTYPE x [<!ENTITY a "b">]><PinMap xmlns="{PIN_MAP_NAMESPACE}">&a;</PinMap>', None),
        (
            "<PinMap><Pins><DUTPin name='A'/></Pins><PinGroups><PinGroup name='G'>"
            "<PinReference pin='G'/></PinGroup></PinGroups></PinMap>",
            "contains itself",
        ),
        (
            "<PinMap><PinGroups><PinGroup name='G'><PinReference pin='Q'/></PinGroup></PinGroups>"
            "</PinMap>",
            "which is no pin",
        ),
        ("<PinMap><Sites><Site siteNumber='one'/></Sites></PinMap>", "not the number of a site"),
        (
            "<PinMap><Pins><DUTPin name='A'/></Pins><Connections><Connection pin='A' "
            "siteNumber='3' instrument='DIG1' channel='0'/></Connections></PinMap>",
            "names site 3",
        ),
    ],
)
def test_a_pin_map_with_an_error_is_refused_and_nothing_is_loaded(
    open_digital, put, content, words
):
    session = open_digital("DIG1")
    path = put("p.pinmap", content)
    if words is None:  # An entity is not resolved, and has no other effect.
        session.load_pin_map(path)
        return
    assert words in refused(READING_FAILED, lambda: session.load_pin_map(path))
    session.load_pin_map(put("good.pinmap", pin_map({"A site 0": "DIG1/0"})))


def test_groups_that_double_each_other_cost_nothing(open_digital, put):
    groups = {"G0": ["A"], **{f"G{n}": [f"G{n - 1}", f"G{n - 1}"] for n in range(1, 40)}}
    session = open_digital("DIG1")
    session.load_pin_map(put("p.pinmap", pin_map({"A site 0": "DIG1/0"}, groups)))
    assert len(session.pins["G39"].read_static()) == 1


def test_a_pin_map_is_made_without_a_file(open_digital, channel):
    session = open_digital("DIG1,DIG2", name="mine")
    digital = DRIVERS["nidigital"]

    def make(rpc: str, **fields) -> int | None:
        request = request_for(digital, rpc, "mine")
        for name, value in fields.items():
            setattr(request, name, value)
        return invoke(channel, digital, rpc, request)[1]

    assert make("CreatePinGroup", pin_group_name="G", pin_list="A") == INVALID_VALUE
    assert make("CreatePinMap", dut_pin_list="A, B", system_pin_list="S") == 0
    assert make("CreatePinGroup", pin_group_name="G", pin_list="B,A") == 0
    assert make("CreateChannelMap", num_sites=2) == 0
    for pin, site, name in (("A", 1, "DIG2/4"), ("B", 0, "DIG1/5"), ("S", -1, "DIG1/0")):
        assert make("MapPinToChannel", pin=pin, site=site, channel=name) == 0
    assert make("MapPinToChannel", pin="A", site=1, channel="DIG2/5") == INVALID_VALUE
    assert make("MapPinToChannel", pin="A", site=2, channel="DIG2/5") == UNKNOWN_CHANNEL
    assert make("MapPinToChannel", pin="A", site=0, channel="DIG2/0-3") == INVALID_VALUE
    assert make("CreatePinGroup", pin_group_name="H", pin_list="Q") == UNKNOWN_CHANNEL
    assert make("CreateChannelMap", num_sites=-1) == INVALID_VALUE
    assert make("EndChannelMap") == 0
    assert make("CreatePinMap", dut_pin_list="A") == INVALID_VALUE
    assert information(session.pins["G", "S"]) == [
        ("B", 0, "DIG1/5"),
        ("A", 1, "DIG2/4"),
        ("S", -1, "DIG1/0"),
    ]


def test_an_attribute_is_reset_for_its_owner_only(open_digital, channel):
    session = open_digital("DIG1,DIG2", name="mine")
    digital = DRIVERS["nidigital"]

    def reset(attribute: str, name: str) -> int | None:
        request = request_for(digital, "ResetAttribute", "mine")
        request.channel_name, request.attribute_id = name, digital.table[attribute].id
        return invoke(channel, digital, "ResetAttribute", request)[1]

    session.vih = 2.0
    session.start_label = "p"
    session.timing_absolute_delay = 1e-9
    session.rio_events[1].exported_rio_event_output_terminal = "PXI_Trig1"
    session.rio_events[2].exported_rio_event_output_terminal = "PXI_Trig2"
    assert reset("vih", "DIG1/0,DIG2/3") == 0
    assert reset("start_label", "") == 0
    assert reset("timing_absolute_delay", "DIG2") == 0
    assert reset("exported_rio_event_output_terminal", "RIOEvent1") == 0
    assert reset("serial_number", "") == -1074135027
    assert [session.channels[name].vih for name in ("DIG1/0", "DIG1/1", "DIG2/3")] == [
        3.3,
        2.0,
        3.3,
    ]
    assert session.start_label == ""
    delays = [session.instruments[name].timing_absolute_delay for name in ("DIG1", "DIG2")]
    assert [delay.total_seconds() for delay in delays] == [1e-9, 0.0]
    terminals = [session.rio_events[n].exported_rio_event_output_terminal for n in (1, 2)]
    assert terminals == ["", "PXI_Trig2"]
