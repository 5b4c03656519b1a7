"""Every RPC of session management, with its documented errors, through NI's own client."""

from __future__ import annotations

import grpc
import pytest
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as pb
from ni.measurementlink.sessionmanagement.v1.client import (
    MultiplexerSessionInformation,
    SessionInformation,
)

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
ALREADY_EXISTS = grpc.StatusCode.ALREADY_EXISTS


def session(name="niDMM-DMM1", type_id="niDMM", **annotations):
    return SessionInformation(name, name, "", type_id, True, [], annotations=annotations or None)


def multiplexer(name="Mux1", type_id="Matrix"):
    return MultiplexerSessionInformation(name, name, type_id, True)


def names_of(reservation):
    return [one.session_name for one in reservation.session_info]


def test_reserving_gives_what_a_driver_needs(bench):
    with bench.reserve("Power", "niDCPower", sites=[1]) as reservation:
        first, second = reservation.session_info
        assert first.session_name == "niDCPower-SMU1/0, SMU2/1, SMU2/2"
        assert first.resource_name == "SMU1/0, SMU2/1, SMU2/2"
        assert first.channel_list == "SMU2/1"
        assert (first.instrument_type_id, first.session_exists) == ("niDCPower", False)
        assert [(one.pin_or_relay_name, one.site) for one in second.channel_mappings] == [
            ("Vdd", 1)
        ]


def test_groups_named_in_a_request_are_resolved_in_the_answer(bench):
    request = pb.ReserveSessionsRequest(
        pin_map_context=bench.context()._to_grpc(), pin_or_relay_names=["Everything", "Vcc"]
    )
    response = bench.stub.ReserveSessions(request)
    groups = {name: list(one.pin_or_relay_names) for name, one in response.group_mappings.items()}
    assert groups == {"Everything": ["Vcc", "Vdd", "Out", "Supply"]}
    assert all(one.session_reserved for one in response.sessions)


def test_an_empty_pin_map_id_reserves_nothing(bench):
    reservation = bench.client.reserve_sessions(bench.context(pin_map_id=""))
    assert names_of(reservation) == []


def test_an_unknown_pin_map_is_not_found(bench):
    context = bench.context(pin_map_id="unknown")
    assert bench.error_of(bench.client.reserve_sessions, context)[0] is NOT_FOUND
    assert bench.error_of(bench.client.get_multiplexer_sessions, context)[0] is NOT_FOUND


@pytest.mark.parametrize("method", ["reserve_sessions", "get_multiplexer_sessions"])
def test_an_unknown_site_is_invalid(bench, method):
    code, details = bench.error_of(getattr(bench.client, method), bench.context([1, 9]))
    assert code is INVALID
    assert 'Pin map does not contain site numbers: "9"' in details


@pytest.mark.parametrize("name", ["Typo", ""])
def test_an_unknown_pin_is_invalid(bench, name):
    assert bench.error_of(bench.reserve, [name])[0] is INVALID


def test_a_timeout_below_minus_one_is_invalid(bench):
    for request, call in (
        (pb.ReserveSessionsRequest, bench.stub.ReserveSessions),
        (pb.ReserveAllRegisteredSessionsRequest, bench.stub.ReserveAllRegisteredSessions),
    ):
        code, _ = bench.error_of(call, request(timeout_in_milliseconds=-2))
        assert code is INVALID


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_a_reserved_session_is_unavailable_after_the_timeout(bench, timeout):
    with bench.reserve("Out", "niDMM"):
        code, details = bench.error_of(bench.reserve, "Out", "niDMM", timeout)
        assert code is UNAVAILABLE
        assert "niDMM-DMM1" in details
    with bench.reserve("Out", "niDMM"):
        pass


def test_sites_and_pins_of_other_sessions_are_free(bench):
    with bench.reserve("Wave"), bench.reserve("Out", "niDMM"), bench.reserve("Sense"):
        pass


def test_unreserve_may_be_repeated_and_named_by_anyone(bench):
    first = bench.reserve("Out", "niDMM")
    info = pb.SessionInformation()
    info.session.name = "niDMM-DMM1"
    for _ in range(2):
        bench.stub.UnreserveSessions(pb.UnreserveSessionsRequest(sessions=[info]))
    with bench.reserve("Out", "niDMM"):
        pass
    first.unreserve()


def test_a_registered_session_exists_for_those_who_reserve_later(bench):
    bench.client.register_sessions([session()])
    with bench.reserve("Out", "niDMM") as reservation:
        assert reservation.session_info[0].session_exists
    with bench.reserve("Out", "niDMM") as reservation:
        assert reservation.session_info[0].session_exists
    bench.client.unregister_sessions([session()])
    with bench.reserve("Out", "niDMM") as reservation:
        assert not reservation.session_info[0].session_exists


def test_registering_a_name_twice_is_refused_and_registers_nothing_else(bench):
    bench.client.register_sessions([session("A")])
    code, _ = bench.error_of(bench.client.register_sessions, [session("B"), session("A")])
    assert code is ALREADY_EXISTS
    bench.client.register_sessions([session("B")])
    assert bench.error_of(bench.client.register_sessions, [session("C")] * 2)[0] is ALREADY_EXISTS


def test_registering_an_empty_name_is_invalid(bench):
    assert bench.error_of(bench.client.register_sessions, [session("")])[0] is INVALID
    code, _ = bench.error_of(bench.client.register_multiplexer_sessions, [multiplexer("")])
    assert code is INVALID


def test_unregistering_nothing_or_the_unknown_is_no_error(bench):
    bench.client.unregister_sessions([])
    bench.client.unregister_sessions([session("unknown")])
    bench.client.unregister_multiplexer_sessions([multiplexer("unknown")])


def test_reserve_all_takes_every_registered_session_without_channels(bench):
    bench.client.register_sessions([session(), session("logs/run.ndjson", "JsonLoggerService")])
    with bench.client.reserve_all_registered_sessions() as reservation:
        assert names_of(reservation) == ["niDMM-DMM1", "logs/run.ndjson"]
        assert {one.channel_list for one in reservation.session_info} == {""}
        assert [list(one.channel_mappings) for one in reservation.session_info] == [[], []]
        assert bench.error_of(bench.reserve, "Out", "niDMM")[0] is UNAVAILABLE


def test_reserve_all_of_a_type_leaves_the_others(bench):
    bench.client.register_sessions([session(), session("log", "JsonLoggerService")])
    with bench.client.reserve_all_registered_sessions("niDMM") as reservation:
        assert names_of(reservation) == ["niDMM-DMM1"]


def test_get_sessions_shows_no_channels_of_an_earlier_reservation(bench):
    bench.client.register_sessions([session()])
    with bench.reserve("Out", "niDMM"):
        pass
    with bench.client.reserve_all_registered_sessions():
        (found,) = bench.stub.GetSessions(pb.GetSessionsRequest()).sessions
        assert (found.session_reserved, found.channel_list) == (True, "")


def test_reserve_all_without_sessions_is_empty(bench):
    with bench.client.reserve_all_registered_sessions() as reservation:
        assert names_of(reservation) == []


def test_reserve_all_is_unavailable_while_one_is_held(bench):
    bench.client.register_sessions([session()])
    with bench.reserve("Out", "niDMM"):
        code, _ = bench.error_of(bench.client.reserve_all_registered_sessions, timeout=0.02)
        assert code is UNAVAILABLE


def test_annotations_of_a_reservation_end_with_it(bench):
    def annotations():
        (found,) = bench.stub.GetSessions(pb.GetSessionsRequest()).sessions
        return {key: found.annotations[key] for key in found.annotations}

    bench.client.register_sessions([session(custom="text")])
    registered = annotations()
    assert registered["custom"] == "text"
    assert "ni/registered.hostname" in registered

    with bench.reserve("Out", "niDMM") as reservation:
        given = reservation.session_info[0].annotations
        assert given.keys() == registered.keys() | {
            "ni/reserved.hostname",
            "ni/reserved.username",
            "ni/reserved.ipaddress",
        }
        assert "platform-sim/reserved.since" in annotations()
    assert annotations() == registered


def test_get_sessions_lists_what_is_reserved_or_registered(bench):
    bench.client.register_sessions([session(), session("log", "JsonLoggerService")])
    bench.client.register_multiplexer_sessions([multiplexer()])
    with bench.reserve(["Out", "Wave"], sites=[0]):
        response = bench.stub.GetSessions(pb.GetSessionsRequest())
        states = {
            one.session.name: (one.session_exists, one.session_reserved)
            for one in response.sessions
        }
        only = bench.stub.GetSessions(
            pb.GetSessionsRequest(instrument_type_id="niFGen", multiplexer_type_id="Other")
        )
    assert states == {
        "niDCPower-SMU1/0, SMU2/1, SMU2/2": (False, True),
        "niDMM-DMM1": (True, True),
        "niFGen-FGen1": (False, True),
        "log": (True, False),
    }
    assert [one.session.name for one in response.multiplexer_sessions] == ["Mux1"]
    assert [one.session.name for one in only.sessions] == ["niFGen-FGen1"]
    assert list(only.multiplexer_sessions) == []


def test_multiplexers_on_the_way_come_with_the_reservation(bench):
    with bench.reserve("Out", "niDCPower") as reservation:
        (found,) = reservation.multiplexer_session_info
        assert (found.session_name, found.multiplexer_type_id) == ("Mux1", "Matrix")
        assert not found.session_exists
    with bench.reserve("Out", "niDMM") as reservation:
        assert list(reservation.multiplexer_session_info) == []


def test_multiplexer_sessions_of_sites_are_listed_by_type(bench):
    def names(**kwargs):
        found = bench.client.get_multiplexer_sessions(bench.context([0]), **kwargs)
        return [one.session_name for one in found.multiplexer_session_info]

    assert names() == names(multiplexer_type_id="Matrix") == ["Mux1"]
    assert names(multiplexer_type_id="Other") == []


def test_registered_multiplexers_have_a_table_of_their_own(bench):
    bench.client.register_sessions([session("Mux1")])
    bench.client.register_multiplexer_sessions([multiplexer(), multiplexer("Mux2", "Other")])
    code, _ = bench.error_of(bench.client.register_multiplexer_sessions, [multiplexer()])
    assert code is ALREADY_EXISTS

    def names(type_id=None):
        found = bench.client.get_all_registered_multiplexer_sessions(type_id)
        return [one.session_name for one in found.multiplexer_session_info]

    assert (names(), names("Other")) == (["Mux1", "Mux2"], ["Mux2"])
    with bench.reserve("Out", "niDCPower") as reservation:
        assert reservation.multiplexer_session_info[0].session_exists
    bench.client.unregister_multiplexer_sessions([multiplexer()])
    assert names() == ["Mux2"]


def test_a_new_version_of_the_pin_map_keeps_reservations(ni_platform, bench):
    from pin_map_xml import every_kind

    with bench.reserve("Out", "niDMM"):
        again = ni_platform.load_pin_map(every_kind())
        code, _ = bench.error_of(
            bench.client.reserve_sessions, bench.context(pin_map_id=again), "Out", "niDMM"
        )
        assert code is UNAVAILABLE
