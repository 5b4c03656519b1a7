"""Channels, paths and relays of switches, as NI's public system tests and examples use them."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor

import niswitch
import pytest
from niswitch import PathCapability, RelayAction, RelayPosition

NO_PATH = -1074126840
EXISTS = -1074126836
IN_USE = -1074126845
NOT_DIRECTLY = -1074126829
BAD_PATH = -1074126847
EMPTY_PATH = -1074126843
NOT_FOUND = -1074126831
TO_ITSELF = -1074126827
BAD_RELAY = -1074118618
TOO_LATE = -1074126826
UNKNOWN = -1074135008
BAD_RESOURCE = -1074118654


def refused(code: int, action) -> str:
    """Check that the driver answers `action` with this error code. Return its text."""
    with pytest.raises(niswitch.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


@pytest.fixture
def matrix(open_switch):
    return open_switch("")


def test_a_matrix_has_its_rows_columns_channels_and_relays(matrix):
    assert (matrix.channel_count, matrix.number_of_relays) == (68, 256)
    assert (matrix.num_of_rows, matrix.num_of_columns) == (4, 64)
    assert matrix.channels["r0"].wire_mode == 2
    assert [matrix.get_channel_name(n) for n in (1, 4, 5, 68)] == ["r0", "r3", "c0", "c63"]
    assert [matrix.get_relay_name(n) for n in (1, 2, 256)] == ["kr0c0", "kr0c1", "kr3c63"]
    assert matrix.instrument_model == "NI PXIe-2737"
    for index in (0, 69):
        refused(UNKNOWN, lambda index=index: matrix.get_channel_name(index))
    for index in (0, 257):
        refused(UNKNOWN, lambda index=index: matrix.get_relay_name(index))


def test_a_path_is_available_exists_and_is_available_again(matrix):
    assert matrix.can_connect("c0", "r0") is PathCapability.PATH_AVAILABLE
    matrix.connect("c0", "r0")
    assert matrix.can_connect("R0", "C0") is PathCapability.PATH_EXISTS
    assert matrix.get_path("c0", "r0") == "r0->c0"
    assert matrix.get_relay_position("kr0c0") is RelayPosition.CLOSED
    matrix.disconnect("r0", "c0")
    assert matrix.can_connect("c0", "r0") is PathCapability.PATH_AVAILABLE
    assert matrix.get_relay_position("kr0c0") is RelayPosition.OPEN
    matrix.set_path("r0->c0")
    assert matrix.can_connect("c0", "r0") is PathCapability.PATH_EXISTS


@pytest.mark.parametrize("end", ["disconnect_all", "disable", "reset", "reset_with_defaults"])
def test_everything_that_ends_paths_opens_relays(matrix, end):
    matrix.connect_multiple("c0->r0, c0->r1")
    matrix.relay_control("kr3c3", RelayAction.CLOSE)
    getattr(matrix, end)()
    assert matrix.can_connect("c0", "r1") is PathCapability.PATH_AVAILABLE
    assert {matrix.get_relay_position(r) for r in ("kr0c0", "kr1c0", "kr3c3")} == {
        RelayPosition.OPEN
    }


def test_what_a_topology_cannot_do_is_refused(matrix):
    assert matrix.can_connect("r0", "r1") is PathCapability.PATH_UNSUPPORTED
    refused(NOT_FOUND, lambda: matrix.connect("r0", "r1"))
    refused(TO_ITSELF, lambda: matrix.connect("r0", "R0"))
    refused(NOT_DIRECTLY, lambda: matrix.set_path("r0->r1"))
    refused(UNKNOWN, lambda: matrix.connect("r0", "c64"))
    refused(UNKNOWN, lambda: matrix.can_connect("r0", ""))
    refused(BAD_RELAY, lambda: matrix.get_relay_position("kr0c64"))
    refused(BAD_PATH, lambda: matrix.set_path("r0"))
    refused(EMPTY_PATH, lambda: matrix.set_path(""))
    refused(NO_PATH, lambda: matrix.disconnect("r0", "c0"))
    refused(NO_PATH, lambda: matrix.get_path("r0", "c0"))


def test_of_several_paths_all_are_connected_or_none(matrix):
    matrix.connect("r0", "c0")
    refused(EXISTS, lambda: matrix.connect_multiple("r1->c1, r0->c0"))
    assert matrix.get_relay_position("kr1c1") is RelayPosition.OPEN
    refused(NO_PATH, lambda: matrix.disconnect_multiple("r0->c0, r1->c1"))
    assert matrix.get_relay_position("kr0c0") is RelayPosition.CLOSED


def test_a_path_that_is_listed_twice_counts_once(matrix):
    matrix.connect_multiple("r0->c0, c0->r0")
    matrix.disconnect_multiple("r0->c0; r0->c0")
    assert matrix.can_connect("r0", "c0") is PathCapability.PATH_AVAILABLE


def test_a_path_of_several_legs_closes_a_relay_for_each(matrix):
    matrix.set_path("[r0->c0->r1]")
    assert matrix.get_relay_position("kr0c0") is matrix.get_relay_position("kr1c0")
    assert matrix.get_relay_position("kr1c0") is RelayPosition.CLOSED


def test_relays_settle_in_their_settling_time(matrix, clock):
    matrix.settling_time = datetime.timedelta(seconds=0.25)
    matrix.connect("r0", "c0")
    assert not matrix.is_debounced
    refused(TOO_LATE, lambda: matrix.wait_for_debounce(datetime.timedelta(seconds=0.2)))
    begin = clock.now()
    matrix.wait_for_debounce()
    assert clock.now() - begin <= 0.05 + 1e-9
    assert matrix.is_debounced


def test_each_channel_has_its_own_settings(matrix):
    matrix.channels["r0"].is_source_channel = True
    assert not matrix.channels["r1"].is_source_channel
    assert not matrix.channels["r1"].is_configuration_channel


def test_relays_of_a_driver_are_controlled_by_name_alone_or_together(open_switch):
    driver = open_switch("RelayDriver1", "2567/Independent")
    assert driver.number_of_relays == 64
    driver.relay_control("K0", RelayAction.CLOSE)
    driver.relay_control("K1, RelayDriver1/K2", RelayAction.CLOSE)
    positions = [driver.get_relay_position(f"k{n}") for n in range(4)]
    assert positions == [RelayPosition.CLOSED] * 3 + [RelayPosition.OPEN]
    driver.relay_control("K1", RelayAction.OPEN)
    assert driver.get_relay_position("K1") is RelayPosition.OPEN
    assert driver.get_relay_count("K1") == 0
    refused(BAD_RELAY, lambda: driver.relay_control("K64", RelayAction.CLOSE))


def test_a_form_c_relay_is_at_one_of_its_contacts(open_switch):
    relays = open_switch("S", "2570/40-SPDT")
    relays.connect("com0", "no0")
    assert relays.can_connect("com0", "nc0") is PathCapability.RESOURCE_IN_USE
    refused(IN_USE, lambda: relays.connect("com0", "nc0"))
    refused(IN_USE, lambda: relays.connect_multiple("com1->no1, com1->nc1"))
    relays.disconnect("com0", "no0")
    relays.connect("com0", "nc0")
    assert relays.get_relay_position("k0") is RelayPosition.OPEN


def test_banks_of_a_topology_are_apart(open_switch):
    dual = open_switch("SWITCH1", "2529/2-Wire Dual 4x16 Matrix")
    dual.connect_multiple("b0c0->b0r0")
    assert dual.get_path("b0c0", "b0r0") == "b0r0->b0c0"
    assert dual.can_connect("b0r0", "b1c0") is PathCapability.PATH_UNSUPPORTED
    mux = open_switch("SWITCH2", "2503/2-Wire Dual 12x1 Mux")
    assert mux.can_connect("ch12", "com2") is PathCapability.PATH_AVAILABLE
    assert mux.can_connect("ch12", "com0") is PathCapability.PATH_UNSUPPORTED


def test_relays_without_public_names_are_refused(open_switch):
    mux = open_switch("SWITCH2", "2503/2-Wire 24x1 Mux")
    mux.connect("ch0", "com0")
    assert mux.number_of_relays == 0
    refused(BAD_RELAY, lambda: mux.get_relay_position("kch0com0"))


@pytest.mark.parametrize("topology", ["Invalid Topology", "2524/1-Wire 128x1 Mux"])
def test_a_topology_that_is_not_simulated_is_refused(open_switch, topology):
    assert "Invalid resource name." in refused(BAD_RESOURCE, lambda: open_switch("", topology))


def test_the_configured_topology_is_the_default(open_switch):
    assert open_switch("", "Configured Topology").channel_count == 68


def test_clients_that_race_for_a_name_share_one_session(open_switch, server):
    with ThreadPoolExecutor(32) as pool:
        sessions = list(pool.map(lambda _: open_switch("SWITCH1", name="shared"), range(32)))
    assert [session.name for session in server.sessions] == ["shared"]
    sessions[0].connect("r0", "c0")
    paths = [session.can_connect("r0", "c0") for session in sessions]
    assert paths == [PathCapability.PATH_EXISTS] * 32


def test_attributes_that_are_facts_cannot_be_written(matrix):
    refused(-1074135027, lambda: setattr(matrix, "channel_count", 5))
