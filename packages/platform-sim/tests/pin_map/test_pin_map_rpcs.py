"""Every RPC of the pin map service, with its documented errors, through NI's own client."""

from __future__ import annotations

import grpc
import pytest
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2 as pb
from ni.measurementlink.pinmap.v1.client import PinMapClient
from pin_map_xml import connection, dmm, every_kind, pin_map_xml

SMALL = pin_map_xml(
    instruments=[dmm("DMM1")], pins=["Out"], connections=[connection("Out", 0, "DMM1", 0)]
)
BROKEN = SMALL.replace("</PinMap>", "")


@pytest.fixture
def client(ni_platform):
    with PinMapClient() as client:
        yield client


@pytest.fixture
def stub(client):
    """NI's client wraps one RPC; the others go through its stub."""
    return client._get_stub()


@pytest.fixture
def loaded(stub):
    """The id of a pin map with every element."""
    request = pb.UpdatePinMapFromXmlRequest(pin_map_id="every kind", pin_map_xml=every_kind())
    return stub.UpdatePinMapFromXml(request).pin_map_id


def code_of(call, request):
    with pytest.raises(grpc.RpcError) as raised:
        call(request)
    return raised.value.code(), raised.value.details()


def test_the_client_loads_a_file_with_a_byte_order_mark_under_its_path(client, stub, tmp_path):
    file = tmp_path / "a pin map.pinmap"
    file.write_text(SMALL, encoding="utf-8-sig")

    assert client.update_pin_map(file) == str(file)
    assert stub.GetPinMap(pb.GetPinMapRequest(pin_map_id=str(file))).pin_map_id == str(file)


def test_update_replaces_a_pin_map(client, stub, tmp_path):
    file = tmp_path / "map.pinmap"
    for pin in ("Before", "After"):
        file.write_text(SMALL.replace("Out", pin), encoding="utf-8")
        client.update_pin_map(file)

    (found,) = stub.QueryPins(pb.QueryPinsRequest(pin_map_id=str(file))).pins
    assert found.display_name == "After"


@pytest.mark.parametrize("xml", [BROKEN, "<Other/>", SMALL.replace('channel="0"', "")])
def test_update_refuses_a_text_that_is_no_pin_map(stub, xml):
    request = pb.UpdatePinMapFromXmlRequest(pin_map_id="id", pin_map_xml=xml)
    assert code_of(stub.UpdatePinMapFromXml, request)[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_update_refuses_what_nis_schema_refuses_and_names_the_line(stub):
    xml = SMALL.replace('pin="Out"', 'pin="Typo"')
    code, details = code_of(
        stub.UpdatePinMapFromXml, pb.UpdatePinMapFromXmlRequest(pin_map_id="id", pin_map_xml=xml)
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    line = next(i for i, text in enumerate(xml.splitlines(), 1) if "Typo" in text)
    assert f"line {line}" in details
    assert '"Typo"' in details


def test_create_adds_a_pin_map_once(stub):
    request = pb.CreatePinMapFromXmlRequest(pin_map_id="id", pin_map_xml=SMALL)
    assert stub.CreatePinMapFromXml(request).pin_map_id == "id"
    assert code_of(stub.CreatePinMapFromXml, request)[0] is grpc.StatusCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("pin_map_id", "xml"), [("", SMALL), ("has space", SMALL), ("tab\t", SMALL), ("id", BROKEN)]
)
def test_create_refuses_a_bad_id_or_bad_xml(stub, pin_map_id, xml):
    request = pb.CreatePinMapFromXmlRequest(pin_map_id=pin_map_id, pin_map_xml=xml)
    assert code_of(stub.CreatePinMapFromXml, request)[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("GetPinMap", pb.GetPinMapRequest),
        ("QueryPins", pb.QueryPinsRequest),
        ("QueryRelays", pb.QueryRelaysRequest),
        ("QueryResourceAccessInformation", pb.QueryResourceAccessInformationRequest),
    ],
)
def test_an_unknown_pin_map_is_not_found(stub, method, request_type):
    code, details = code_of(getattr(stub, method), request_type(pin_map_id="unknown"))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "'unknown'" in details


def test_query_pins_lists_pins_and_resolved_groups(stub, loaded):
    response = stub.QueryPins(pb.QueryPinsRequest(pin_map_id=loaded))
    pins = {pin.display_name: pin.is_system_pin for pin in response.pins}
    groups = {group.display_name: group for group in response.pin_groups}

    assert pins["Vcc"] is False
    assert pins["Supply"] is True
    assert list(groups["Everything"].pin_or_group_references) == ["Power", "Out", "Supply"]
    assert list(groups["Everything"].resolved_pins) == ["Vcc", "Vdd", "Out", "Supply"]


def test_query_pins_of_a_type_lists_groups_of_such_pins_alone(stub, loaded):
    response = stub.QueryPins(pb.QueryPinsRequest(pin_map_id=loaded, instrument_type_id="niDMM"))
    assert [pin.display_name for pin in response.pins] == ["Out"]
    assert list(response.pin_groups) == []

    dcpower = pb.QueryPinsRequest(pin_map_id=loaded, instrument_type_id="niDCPower")
    response = stub.QueryPins(dcpower)
    # "Out" reaches an SMU through the multiplexer, so the outer group qualifies too.
    assert [one.display_name for one in response.pin_groups] == ["Power", "Everything"]


def test_query_relays_lists_relays_and_resolved_groups(stub, loaded):
    response = stub.QueryRelays(pb.QueryRelaysRequest(pin_map_id=loaded))
    assert {one.display_name: one.is_system_relay for one in response.relays} == {
        "Load": False,
        "Main": True,
    }
    (group,) = response.relay_groups
    assert list(group.relay_or_group_references) == list(group.resolved_relays) == ["Load", "Main"]


def test_resource_access_gives_resources_channels_and_groups(stub, loaded):
    response = stub.QueryResourceAccessInformation(
        pb.QueryResourceAccessInformationRequest(
            pin_map_id=loaded, sites=[0], pin_or_relay_names=["Power", "Out", "AllRelays"]
        )
    )
    rows = {one.resource_name: one for one in response.resource_access_information}

    assert rows["DMM1"].channel_list == "0"
    assert rows["Relays1"].channel_list == "K0, K63"
    assert dict(rows).keys() == {
        "SMU1/0, SMU2/1, SMU2/2",
        "SMU1/2, SMU1/3",
        "DMM1",
        "Relays1",
    }
    routed = rows["SMU1/0, SMU2/1, SMU2/2"].channel_mappings[-1]
    assert (routed.multiplexer_resource_name, routed.multiplexer_type_id) == ("Mux1", "Matrix")
    assert routed.multiplexer_route == "c0->r0"
    groups = {name: list(one.pin_or_relay_names) for name, one in response.group_mappings.items()}
    assert groups == {"Power": ["Vcc", "Vdd"], "AllRelays": ["Load", "Main"]}


def test_resource_access_of_an_unknown_site_is_not_found(stub, loaded):
    code, details = code_of(
        stub.QueryResourceAccessInformation,
        pb.QueryResourceAccessInformationRequest(pin_map_id=loaded, sites=[0, 7, 8]),
    )
    assert code is grpc.StatusCode.NOT_FOUND
    assert 'Pin map does not contain site numbers: "7", "8"' in details


@pytest.mark.parametrize("name", ["", "Typo"])
def test_resource_access_of_an_unknown_or_empty_name_is_invalid(stub, loaded, name):
    code, _ = code_of(
        stub.QueryResourceAccessInformation,
        pb.QueryResourceAccessInformationRequest(pin_map_id=loaded, pin_or_relay_names=[name]),
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
