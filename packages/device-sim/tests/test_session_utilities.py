"""NI's SessionUtilities: devices, reservations, reset."""

from __future__ import annotations

import threading

import grpc
import nidcpower
import pytest
import session_pb2
import session_pb2_grpc
from device_sim import SystemClock


@pytest.fixture
def clock():
    return SystemClock()


@pytest.fixture
def utilities(channel):
    return session_pb2_grpc.SessionUtilitiesStub(channel)


def reserve(client: str, reservation: str = "fixture") -> session_pb2.ReserveRequest:
    return session_pb2.ReserveRequest(reservation_id=reservation, client_id=client)


def is_reserved(utilities, client: str) -> bool:
    request = session_pb2.IsReservedByClientRequest(reservation_id="fixture", client_id=client)
    return utilities.IsReservedByClient(request).is_reserved


def unreserve(utilities, client: str) -> bool:
    request = session_pb2.UnreserveRequest(reservation_id="fixture", client_id=client)
    return utilities.Unreserve(request).is_unreserved


def test_the_devices_are_those_of_open_sessions(utilities, open_dcpower, open_dmm):
    open_dcpower("SMU1,SMU2", model="4162")
    open_dmm("DMM1")
    devices = utilities.EnumerateDevices(session_pb2.EnumerateDevicesRequest()).devices
    assert {(d.name, d.model, d.vendor) for d in devices} == {
        ("SMU1", "NI PXIe-4162", "National Instruments"),
        ("SMU2", "NI PXIe-4162", "National Instruments"),
        ("DMM1", "NI PXIe-4081", "National Instruments"),
    }


def test_a_reservation_belongs_to_one_client_until_it_is_released(utilities):
    assert utilities.Reserve(reserve("a")).is_reserved
    assert is_reserved(utilities, "a")
    assert not is_reserved(utilities, "b")
    assert not unreserve(utilities, "b")
    waiting = utilities.Reserve.future(reserve("b"))
    assert utilities.Reserve(reserve("b", "another")).is_reserved
    assert not waiting.done()
    assert unreserve(utilities, "a")
    assert waiting.result(timeout=60).is_reserved
    assert is_reserved(utilities, "b")


@pytest.mark.parametrize(("client", "reservation"), [("", "x"), ("x", "")])
def test_both_names_are_required(utilities, client, reservation):
    with pytest.raises(grpc.RpcError) as caught:
        utilities.Reserve(reserve(client, reservation))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "You must specify a non-empty reservation_id and client_id."


def test_a_client_does_not_reserve_twice(utilities):
    utilities.Reserve(reserve("a"))
    with pytest.raises(grpc.RpcError) as caught:
        utilities.Reserve(reserve("a"))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_client_that_stops_waiting_gets_no_reservation(utilities):
    utilities.Reserve(reserve("a"))
    with pytest.raises(grpc.RpcError) as caught:
        utilities.Reserve(reserve("b"), timeout=0.05)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    unreserve(utilities, "a")
    assert not is_reserved(utilities, "b")


def test_a_reset_closes_sessions_and_refuses_waiting_clients(utilities, open_dcpower, server):
    session = open_dcpower("SMU1")
    utilities.Reserve(reserve("a"))
    waiting = utilities.Reserve.future(reserve("b"))
    ended = threading.Event()
    waiting.add_done_callback(lambda _: ended.set())
    while not ended.wait(0.01):
        assert utilities.ResetServer(session_pb2.ResetServerRequest()).is_server_reset
        if waiting.done() and waiting.code() is grpc.StatusCode.OK:  # It came after the reset.
            unreserve(utilities, "b")
    assert waiting.code() in (grpc.StatusCode.ABORTED, grpc.StatusCode.OK)
    assert server.sessions == []
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.reset()
    assert caught.value.code == -1074130544
