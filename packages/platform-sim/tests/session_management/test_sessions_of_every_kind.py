"""For each driver of NI's SDK: Setup opens and registers, measurements attach, Cleanup closes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from device_sim import DeviceControl
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior

SIMULATED = {"options": {"simulate": True}}
RELAYS = {"simulate": True, "topology": "2567/Independent"}
MATRIX = {"simulate": True, "topology": "2529/2-Wire Dual 4x16 Matrix"}

KINDS = [
    pytest.param("niDAQmx", "create_nidaqmx_tasks", {}, id="nidaqmx"),
    pytest.param("niDCPower", "initialize_nidcpower_sessions", SIMULATED, id="nidcpower"),
    pytest.param("niDigitalPattern", "initialize_nidigital_sessions", SIMULATED, id="nidigital"),
    pytest.param("niDMM", "initialize_nidmm_sessions", SIMULATED, id="nidmm"),
    pytest.param("niFGen", "initialize_nifgen_sessions", SIMULATED, id="nifgen"),
    pytest.param("niScope", "initialize_niscope_sessions", SIMULATED, id="niscope"),
    pytest.param("niRelayDriver", "initialize_niswitch_sessions", RELAYS, id="niswitch"),
]

THEN_DETACH = SessionInitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
THEN_CLOSE = SessionInitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE


@pytest.fixture
def open_names(ni_platform):
    """Return a function that returns the names of the sessions of the device server."""
    with DeviceControl(ni_platform.device_server_address) as control:
        yield lambda: [session.name for session in control.sessions]


@pytest.mark.parametrize("type_id,method,options", KINDS)
def test_a_session_lives_from_setup_to_cleanup(bench, open_names, type_id, method, options):
    client = bench.client
    with bench.reserve(type_id=type_id) as reservation:
        names = [info.session_name for info in reservation.session_info]
        with getattr(reservation, method)(initialization_behavior=THEN_DETACH, **options):
            client.register_sessions(reservation.session_info)
    assert names
    assert sorted(open_names()) == sorted(names)

    with bench.reserve(type_id=type_id) as reservation:
        assert all(info.session_exists for info in reservation.session_info)
        with getattr(reservation, method)(**options) as infos:
            assert [info.session_name for info in infos] == names
    assert sorted(open_names()) == sorted(names)

    with client.reserve_all_registered_sessions(instrument_type_id=type_id) as reservation:
        client.unregister_sessions(reservation.session_info)
        with getattr(reservation, method)(initialization_behavior=THEN_CLOSE, **options) as infos:
            assert sorted(info.session_name for info in infos) == sorted(names)
    assert open_names() == []
    with bench.reserve(type_id=type_id) as reservation:
        assert not any(info.session_exists for info in reservation.session_info)


@pytest.mark.parametrize("type_id,method,options", KINDS)
def test_a_measurement_alone_opens_and_closes_its_session(
    bench, open_names, type_id, method, options
):
    with bench.reserve(type_id=type_id) as reservation:
        with getattr(reservation, method)(**options) as infos:
            assert sorted(info.session_name for info in infos) == sorted(open_names())
        assert open_names() == []


def test_a_multiplexer_lives_from_setup_to_cleanup(bench, open_names):
    client = bench.client
    names = ["Mux1"]
    with ExitStack() as opened:
        reservation = opened.enter_context(client.reserve_sessions(bench.context(), ["Out"]))
        there = reservation.multiplexer_session_info
        assert [info.session_name for info in there] == names
        opened.enter_context(
            reservation.initialize_niswitch_multiplexer_sessions(
                initialization_behavior=THEN_DETACH, **MATRIX
            )
        )
        client.register_multiplexer_sessions(there)
    assert open_names() == names
    with client.get_all_registered_multiplexer_sessions() as registered:
        client.unregister_multiplexer_sessions(registered.multiplexer_session_info)
        with registered.initialize_niswitch_multiplexer_sessions(
            initialization_behavior=THEN_CLOSE, **MATRIX
        ):
            assert open_names() == names
    assert open_names() == []
