"""How clients name channels, as NI's public system tests write them."""

from __future__ import annotations

import nidcpower
import pytest
from device_sim.base.channels import ChannelId, ChannelList, expand_numbers, parse_resource
from device_sim.errors import DriverError
from hypothesis import given
from hypothesis import strategies as st

NAMES = [str(number) for number in range(12)]


def measured_channels(session, channels=None):
    chosen = session if channels is None else session.channels[channels]
    with session.initiate():
        return [measurement.channel for measurement in chosen.measure_multiple()]


@pytest.mark.parametrize(
    ("resource", "channels", "asked", "expected"),
    [
        ("Dev1", None, None, [f"Dev1/{n}" for n in range(12)]),
        ("Dev1", " ", " ", [f"Dev1/{n}" for n in range(12)]),
        ("Dev1", "0:2,Dev1/4", "Dev1/1:2,0", ["Dev1/1", "Dev1/2", "Dev1/0"]),
        ("Dev1", "Dev1/0:2,Dev1/4", "Dev1/1:2,Dev1/0", ["Dev1/1", "Dev1/2", "Dev1/0"]),
        ("Dev1/1:4,Dev1/6", " ", "6,2-3", ["Dev1/6", "Dev1/2", "Dev1/3"]),
        ("Dev1/0-1,Dev2/0:2", " ", "Dev2/0-1,Dev1/0", ["Dev2/0", "Dev2/1", "Dev1/0"]),
        (
            " dev1 / 0 - 1 , DEV2 / 0 : 2 ",
            " ",
            " Dev2 / 0 - 1 , DEV1 / 0 ",
            ["DEV2/0", "DEV2/1", "dev1/0"],
        ),
        ("DEV1  /1:4,dev1/  6", " ", " 6 , 2 - 3 ", ["DEV1/6", "DEV1/2", "DEV1/3"]),
    ],
)
def test_independent_channels_keep_order_and_first_spelling(
    open_dcpower, resource, channels, asked, expected
):
    session = open_dcpower(resource, channels, model="4162")
    assert measured_channels(session, asked) == expected


@pytest.mark.parametrize(
    ("channels", "asked", "expected"),
    [
        (None, None, [str(n) for n in range(12)]),
        ("0,2-3,6", "2-3,0", ["2", "3", "0"]),
        (" 0 , 2 - 3 , 6 ", " 2 - 3 , 0", ["2", "3", "0"]),
    ],
)
def test_legacy_channels_have_bare_names(open_dcpower, channels, asked, expected):
    session = open_dcpower(" DEV1 ", channels, model="4162", independent_channels=False)
    assert measured_channels(session, asked) == expected


def test_readings_come_in_the_order_of_the_request(open_dcpower):
    session = open_dcpower("Dev1,Dev2", model="4162")
    for instrument in (1, 2):
        for number in range(12):
            level = instrument + number * 0.01
            session.channels[f"Dev{instrument}/{number}"].voltage_level = level
    with session.initiate():
        measured = session.channels["Dev2/3-5, Dev1/0, Dev2/7"].measure_multiple()
    assert [(m.channel, m.voltage) for m in measured] == [
        ("Dev2/3", 2.03),
        ("Dev2/4", 2.04),
        ("Dev2/5", 2.05),
        ("Dev1/0", 1.0),
        ("Dev2/7", 2.07),
    ]


def test_channel_names_by_index(open_dcpower):
    session = open_dcpower("Dev1/0-5,Dev2/0-5", model="4162")
    indices = ["0-1, 2, 3:4", 5, (6, 7), range(8, 10), slice(10, 12)]
    expected = [f"{device}/{n}" for device in ("Dev1", "Dev2") for n in range(6)]
    assert session.get_channel_names(indices) == expected


@pytest.mark.parametrize(
    ("resource", "channels"),
    [("Dev1/0", "0"), ("Dev1/0", "0,1"), ("Dev1/0", "0:3"), ("Dev1/0", range(4))],
)
def test_a_channel_of_a_channel_does_not_exist(open_dcpower, resource, channels):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        open_dcpower(resource, channels, model="4162")
    assert caught.value.code == -1074097793
    assert "The specified device cannot be found." in caught.value.description


@pytest.mark.parametrize(
    ("resource", "asked"),
    [
        ("Dev1/0", "1"),
        ("Dev1/0", "0-1"),
        ("Dev1/0:1,Dev2/2:3", "Dev1/0,2"),
        ("Dev1/0:1,Dev2/0:1", "2,3"),
        ("Dev1/0, Dev1/1, Dev2/2", "0, Dev1/1"),
    ],
)
def test_unknown_channels_are_refused(open_dcpower, resource, asked):
    session = open_dcpower(resource, model="4162")
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.channels[asked].output_function = nidcpower.OutputFunction.DC_VOLTAGE
    assert caught.value.code == -1074135008
    assert "Unknown channel or repeated capability name." in caught.value.description


@pytest.mark.parametrize("name", ["Dev1", "Dev3", "Dev1,Dev2", "Dev1,Dev2,Dev3", ""])
def test_instruments_as_repeated_capability(open_dcpower, name):
    session = open_dcpower("Dev1,Dev2,Dev3", model="4162")
    assert session.instruments[name].instrument_model == "NI PXIe-4162"


@pytest.mark.parametrize("independent", [True, False])
def test_an_instruments_attribute_takes_no_channel(open_dcpower, independent):
    session = open_dcpower("Dev1", model="4162", independent_channels=independent)
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.channels["0"].instrument_model  # noqa: B018
    assert caught.value.code == -1074134971


FLOW = ["initiate", "abort", "commit", "reset"]


@pytest.mark.parametrize("method", FLOW)
@pytest.mark.parametrize("channels", ["Dev1/0", "Dev1/0-3", "Dev1/0:1,Dev2/2-3", "Dev2", ""])
def test_the_programming_flow_works_on_any_subset(open_dcpower, method, channels):
    session = open_dcpower("Dev1/0:3, Dev2/0:3", model="4162")
    getattr(session.channels[channels], method)()


@pytest.mark.parametrize("method", FLOW)
def test_the_programming_flow_of_a_legacy_session_is_for_all_channels(open_dcpower, method):
    session = open_dcpower("Dev1", model="4162", independent_channels=False)
    getattr(session.channels["0-11"], method)()
    getattr(session, method)()
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        getattr(session.channels["0"], method)()
    assert caught.value.code == -1074118494


def test_a_legacy_session_sends_no_trigger_to_several_channels(open_dcpower):
    session = open_dcpower("Dev1", model="4162", independent_channels=False)
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.START)
    assert caught.value.code == -1074118587


def test_single_channel_calls_take_one_channel(open_dcpower):
    session = open_dcpower("Dev1")
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.query_in_compliance()
    assert caught.value.code == -1074118522


numbers = st.integers(0, 40)


@given(first=numbers, last=numbers, sign=st.sampled_from("-:"))
def test_a_range_runs_either_way_and_has_both_its_ends(first, last, sign):
    expanded = [int(n) for n in expand_numbers(f"{first}{sign}{last}")]
    assert expanded[0] == first
    assert expanded[-1] == last
    assert len(expanded) == abs(last - first) + 1


@pytest.mark.parametrize("text", ["0-999999999", "1:99999999999999999999", "100001-0"])
def test_a_range_that_no_instrument_has_is_not_made(text):
    assert expand_numbers(text) == [text]
    channels = ChannelList([ChannelId("Dev1", name) for name in NAMES], qualified=True)
    with pytest.raises(DriverError):
        channels.select(f"Dev1/{text}")


@given(st.lists(st.integers(0, 11), min_size=1, unique=True), st.randoms())
def test_every_channel_is_found_by_the_name_that_the_session_gives_it(chosen, random):
    channels = parse_resource(",".join(f"Dev1 / {n}" for n in chosen), NAMES)
    listed = ChannelList(channels, qualified=True)
    asked = list(enumerate(listed.names))
    random.shuffle(asked)
    assert listed.select(" , ".join(n.upper() for _, n in asked)) == [i for i, _ in asked]


@given(st.text(alphabet="Dev1/-:, 0", max_size=12))
def test_no_text_breaks_the_parser(text):
    try:
        channels = parse_resource(text, NAMES[:4])
    except DriverError:
        return
    assert all(isinstance(c, ChannelId) and int(c.number) < 4 for c in channels)


@pytest.mark.parametrize(
    ("resource", "channels"),
    [("Dev1/0", None), ("Dev1/0", "Dev1/0"), ("Dev1/0,Dev2/0", "Dev1/0"), ("Dev1,Dev2", "")],
)
def test_a_legacy_session_that_is_not_simulated_is_of_one_instrument(
    open_dcpower, resource, channels
):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        open_dcpower(resource, channels, independent_channels=False, options={})
    assert caught.value.code == -1074118656
