"""Sessions on the device server: one name space, three behaviours, shared state."""

from __future__ import annotations

import grpc
import nidcpower
import nidmm
import pytest
from device_sim.base.sessions import SessionTable
from device_sim.errors import DriverError
from nidcpower import nidcpower_pb2, nidcpower_pb2_grpc

NEW = nidcpower.SessionInitializationBehavior.INITIALIZE_SERVER_SESSION
ATTACH = nidcpower.SessionInitializationBehavior.ATTACH_TO_SERVER_SESSION


def test_auto_makes_a_session_and_then_attaches_to_it(open_dcpower, server):
    first = open_dcpower("SMU1/0", name="mine")
    second = open_dcpower("ignored when attaching", name="mine")
    first.voltage_level = 3.0
    assert second.voltage_level == 3.0
    assert [info.name for info in server.sessions] == ["mine"]


def test_only_the_client_that_made_a_session_closes_it(open_dcpower, server):
    with open_dcpower("SMU1", name="mine"):
        with open_dcpower("SMU1", name="mine"):
            pass
        assert [info.name for info in server.sessions] == ["mine"]
    assert server.sessions == []


def test_an_empty_name_means_a_new_session(open_dcpower, server):
    open_dcpower("SMU1")
    open_dcpower("SMU1")
    assert len({info.name for info in server.sessions}) == 2


def test_initializing_an_existing_session_is_refused_with_nis_text(open_dmm):
    open_dmm("FakeDevice", name="existing_session")
    with pytest.raises(nidmm.Error) as caught:
        open_dmm(
            name="existing_session",
            behavior=nidmm.SessionInitializationBehavior.INITIALIZE_SERVER_SESSION,
        )
    text = "Cannot initialize 'existing_session' when a session already exists."
    assert caught.value.rpc_code == grpc.StatusCode.ALREADY_EXISTS
    assert str(caught.value) == f"StatusCode.ALREADY_EXISTS: {text}"


def test_attaching_to_a_missing_session_is_refused_with_nis_text(open_dcpower):
    with pytest.raises(nidcpower.errors.RpcError) as caught:
        open_dcpower(name="missing", behavior=ATTACH)
    assert caught.value.rpc_code == grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.description == (
        "Cannot attach to 'missing' because a session has not been initialized."
    )


@pytest.mark.parametrize("behavior", list(nidmm.SessionInitializationBehavior))
def test_a_name_belongs_to_one_driver(open_dcpower, open_dmm, behavior):
    open_dcpower("SMU1", name="shared")
    with pytest.raises(ValueError, match='"shared" is being used by a different driver'):
        open_dmm(name="shared", behavior=behavior)


def test_a_session_that_failed_to_open_leaves_its_name_free(open_dcpower):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        open_dcpower("SMU1", name="mine", model="invalid_model")
    assert caught.value.code == -1074134964
    assert "contains an entry with an unknown option value." in caught.value.description
    open_dcpower("SMU1", name="mine", behavior=NEW)


def test_a_closed_session_is_an_invalid_handle_for_all_its_clients(open_dcpower):
    first = open_dcpower("SMU1", name="mine")
    second = open_dcpower("SMU1", name="mine")
    first.close()
    for call in (lambda: second.voltage_level, second.close):
        with pytest.raises(nidcpower.errors.DriverError) as caught:
            call()
        assert caught.value.code == -1074130544
        assert "The session handle is not valid." in caught.value.description


def test_handles_of_old_servers_are_not_valid(channel):
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Reset(nidcpower_pb2.ResetRequest(vi={"id": 7}))
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert dict(caught.value.trailing_metadata())["ni-error"] == "-1074130544"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("Simulate=1, Invalid=1", -1074134965),
        ("Simulate=perhaps", -1074134964),
        ("Simulate=1, DriverSetup=Model:4141; BoardType:ISA", -1074134964),
        ("Simulate=1, DriverSetup=Model:4711", -1074134964),
    ],
)
def test_wrong_options_are_refused(open_dcpower, options, code):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        open_dcpower(options=options)
    assert caught.value.code == code


@pytest.mark.parametrize("setup", ["Model:4162;BoardType:PXIe", " Model : 4162 ; boardtype:PXIe "])
def test_options_are_read_however_they_are_spaced(open_dcpower, setup):
    session = open_dcpower(options=f"Simulate = 1 ,DriverSetup = {setup}")
    assert session.instrument_model == "NI PXIe-4162"


def test_an_empty_resource_is_not_recognised(open_dcpower, open_dmm):
    for error, open_session in ((nidcpower.Error, open_dcpower), (nidmm.Error, open_dmm)):
        with pytest.raises(error) as caught:
            open_session(" ")
        assert caught.value.code == -1074118656
        assert caught.value.description.startswith(
            "Device was not recognized. The device is not supported with this driver or version."
        )


def test_the_last_error_of_a_session_can_be_asked_for_once(open_dcpower, channel):
    session = open_dcpower("SMU1", name="mine")
    with pytest.raises(nidcpower.Error):
        session.instrument_model = ""
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    request = nidcpower_pb2.GetErrorRequest(vi={"name": "mine"})
    assert stub.GetError(request).code == -1074135027
    assert stub.GetError(request).code == 0


def test_a_required_enum_must_be_given(open_dcpower, channel):
    open_dcpower("SMU1", name="mine")
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Measure(nidcpower_pb2.MeasureRequest(vi={"name": "mine"}, channel_name="0"))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == (
        "The value for measurement_type was not specified or out of range"
    )


def test_a_table_forgets_nothing_when_creation_fails():
    table: SessionTable[str] = SessionTable()

    def fail() -> str:
        raise RuntimeError("no such device")

    with pytest.raises(RuntimeError):
        table.open("a", 0, "driver", fail)
    assert list(table) == []
    with pytest.raises(DriverError):
        table.get("a", "driver")
