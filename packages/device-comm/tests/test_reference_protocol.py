"""Clients of the reference are served unchanged, with the codes that its protocol documents."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import grpc
import pytest
from device_comm import device_comm_service_pb2 as pb
from device_comm.device_comm_service_pb2_grpc import DeviceCommunicationStub
from device_comm_process import DeviceCommProcess
from google.rpc import error_details_pb2
from grpc_status import rpc_status

AUTO = pb.SESSION_INITIALIZATION_BEHAVIOR_UNSPECIFIED
NEW = pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW
ATTACH = pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING
MAP = "sample.csv"


class Bench:
    """Calls of the reference's client, for one device of the test's own."""

    def __init__(self, server: DeviceCommProcess) -> None:
        self.server = server
        self.stub: DeviceCommunicationStub = server.reference_stub()
        self.resource = uuid.uuid4().hex

    def initialize(self, behavior: int = AUTO, **fields: Any) -> pb.InitializeResponse:
        given = {
            "resource_name": self.resource,
            "protocol": pb.SPI,
            "register_map_path": MAP,
            "initialization_behavior": behavior,
            **fields,
        }
        return self.stub.Initialize(pb.InitializeRequest(**given))

    def write(self, session: str, register: str, value: int) -> None:
        self.stub.WriteRegister(
            pb.WriteRegisterRequest(session_name=session, register_name=register, value=value)
        )

    def read(self, session: str, register: str) -> int:
        request = pb.ReadRegisterRequest(session_name=session, register_name=register)
        return self.stub.ReadRegister(request).value

    def map_file(self, content: str | bytes) -> str:
        """Write a register map, and return its name for the server."""
        path = self.server.folder / f"{uuid.uuid4().hex}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path.name


@pytest.fixture
def bench(anonymous: DeviceCommProcess) -> Bench:
    return Bench(anonymous)


@pytest.fixture
def session(bench: Bench) -> str:
    return bench.initialize().session_name


def refused(call: Any, *arguments: Any, **fields: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **fields)
    return caught.value.code()


INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


# The rows of the table of what the reference's proto documents and its server answers.


@pytest.mark.parametrize("path", ["registers.txt", "sample.CSV", "sample", ""])
def test_a_register_map_whose_name_does_not_end_with_csv_is_an_invalid_argument(
    bench: Bench, path: str
) -> None:
    assert refused(bench.initialize, register_map_path=path) is INVALID


@pytest.mark.parametrize("behavior", [AUTO, NEW, ATTACH])
def test_a_missing_register_map_is_not_found(bench: Bench, behavior: int) -> None:
    assert refused(bench.initialize, behavior, register_map_path="none.csv") is NOT_FOUND


@pytest.mark.parametrize("value", ["0x1F", "twelve", "", "1.5"])
def test_a_default_that_is_no_decimal_integer_is_an_invalid_argument(
    bench: Bench, value: str
) -> None:
    path = bench.map_file(f"Register Name,Default Data\nA,{value}\n")
    assert refused(bench.initialize, register_map_path=path) is INVALID


@pytest.mark.parametrize("head", ["Register Name,Data", "Name,Default Data", "", "a;b"])
def test_a_csv_file_without_the_two_columns_is_an_invalid_argument(bench: Bench, head: str) -> None:
    path = bench.map_file(f"{head}\nA,1\n")
    assert refused(bench.initialize, register_map_path=path) is INVALID


def test_an_unknown_behavior_is_an_invalid_argument(bench: Bench) -> None:
    for behavior in (3, 4, 99, -1):
        assert refused(bench.initialize, behavior) is INVALID
    assert refused(bench.initialize, ATTACH) is NOT_FOUND, "nothing was opened"


def test_a_new_session_of_an_open_device_is_refused(bench: Bench, session: str) -> None:
    assert refused(bench.initialize, NEW) is grpc.StatusCode.ALREADY_EXISTS
    assert bench.read(session, "MFR_ID") == 251


def test_attaching_without_a_session_is_not_found(bench: Bench) -> None:
    assert refused(bench.initialize, ATTACH) is NOT_FOUND


@pytest.mark.parametrize("behavior", [AUTO, ATTACH])
def test_another_register_map_is_ignored_by_who_attaches_but_must_be_readable(
    bench: Bench, session: str, behavior: int
) -> None:
    other = bench.map_file("Register Name,Default Data\nOTHER,1\n")

    attached = bench.initialize(behavior, register_map_path=other)

    assert (attached.session_name, attached.new_session) == (session, False)
    assert refused(bench.read, session, "OTHER") is INVALID
    assert refused(bench.initialize, behavior, register_map_path="none.csv") is NOT_FOUND


def test_an_empty_resource_name_is_an_invalid_argument(bench: Bench) -> None:
    assert refused(bench.initialize, resource_name="") is INVALID


@pytest.mark.parametrize("protocol", [pb.UNKNOWN_PROTOCOL, 4, 77])
def test_an_unknown_protocol_is_an_invalid_argument(bench: Bench, protocol: int) -> None:
    assert refused(bench.initialize, protocol=protocol) is INVALID


def test_reset_reads_the_register_map_again(bench: Bench) -> None:
    path = bench.map_file("Register Name,Default Data\nA,1\n")
    session = bench.initialize(register_map_path=path).session_name
    bench.write(session, "A", 99)
    assert bench.initialize(register_map_path=path).session_name == session
    assert bench.read(session, "A") == 99

    (bench.server.folder / path).write_text("Register Name,Default Data\nA,2\nB,3\n")
    bench.initialize(register_map_path=path, reset=True)

    assert (bench.read(session, "A"), bench.read(session, "B")) == (2, 3)


def test_reset_of_a_new_session_loads_its_register_map_once(bench: Bench) -> None:
    opened = bench.initialize(reset=True)
    assert opened.new_session
    assert bench.read(opened.session_name, "CONFIG_0") == 12


def test_an_unknown_session_is_not_found_in_every_call(bench: Bench, session: str) -> None:
    bench.stub.Close(pb.CloseRequest(session_name=session))
    for gone in (session, "", "zz"):
        for request in (
            pb.WriteRegisterRequest(session_name=gone, register_name="CONFIG_0", value=1),
            pb.ReadRegisterRequest(session_name=gone, register_name="CONFIG_0"),
            pb.WriteGpioChannelRequest(session_name=gone, channel=1, state=True),
            pb.ReadGpioChannelRequest(session_name=gone, channel=1),
            pb.WriteGpioPortRequest(session_name=gone, port=1, mask=1, state=1),
            pb.ReadGpioPortRequest(session_name=gone, port=1, mask=1),
            pb.CloseRequest(session_name=gone),
        ):
            method = getattr(bench.stub, type(request).__name__.removesuffix("Request"))
            assert refused(method, request) is NOT_FOUND, type(request).__name__


def test_reading_an_unknown_register_is_an_invalid_argument(bench: Bench, session: str) -> None:
    assert refused(bench.read, session, "NONE") is INVALID


def test_writing_an_unknown_register_is_an_invalid_argument_and_creates_none(
    bench: Bench, session: str
) -> None:
    assert refused(bench.write, session, "NONE", 1) is INVALID
    assert refused(bench.read, session, "NONE") is INVALID


@pytest.mark.parametrize("value", [0, 255, 300, 2**32 - 1])
def test_a_register_takes_every_value_of_the_protocol(
    bench: Bench, session: str, value: int
) -> None:
    bench.write(session, "USER_DATA_0", value)
    assert bench.read(session, "USER_DATA_0") == value


@pytest.mark.parametrize("value", ["-1", str(2**32)])
def test_a_default_that_no_register_can_have_is_an_invalid_argument(
    bench: Bench, value: str
) -> None:
    path = bench.map_file(f"Register Name,Default Data\nA,{value}\n")
    assert refused(bench.initialize, register_map_path=path) is INVALID


@pytest.mark.parametrize(("port", "channel"), [(0, 8), (3, 255), (4, 0), (2**32 - 1, 0)])
def test_a_gpio_channel_or_its_port_out_of_range_is_an_invalid_argument(
    bench: Bench, session: str, port: int, channel: int
) -> None:
    which = {"session_name": session, "port": port, "channel": channel}
    assert refused(bench.stub.ReadGpioChannel, pb.ReadGpioChannelRequest(**which)) is INVALID
    write = pb.WriteGpioChannelRequest(**which, state=True)
    assert refused(bench.stub.WriteGpioChannel, write) is INVALID


@pytest.mark.parametrize(("port", "mask", "state"), [(4, 1, 1), (0, 256, 1), (0, 1, 256)])
def test_a_gpio_port_mask_or_state_out_of_range_is_an_invalid_argument(
    bench: Bench, session: str, port: int, mask: int, state: int
) -> None:
    write = pb.WriteGpioPortRequest(session_name=session, port=port, mask=mask, state=state)
    assert refused(bench.stub.WriteGpioPort, write) is INVALID
    if state < 256:
        read = pb.ReadGpioPortRequest(session_name=session, port=port, mask=mask)
        assert refused(bench.stub.ReadGpioPort, read) is INVALID


def test_gpio_is_honest_what_is_written_reads_back(bench: Bench, session: str) -> None:
    for port in range(4):
        for channel in range(8):
            for state in (True, False):
                bench.stub.WriteGpioChannel(
                    pb.WriteGpioChannelRequest(
                        session_name=session, port=port, channel=channel, state=state
                    )
                )
                read = pb.ReadGpioChannelRequest(session_name=session, port=port, channel=channel)
                assert bench.stub.ReadGpioChannel(read).state is state


def test_gpio_is_honest_masks_hold_when_writing_and_reading(bench: Bench, session: str) -> None:
    def write(mask: int, state: int) -> None:
        bench.stub.WriteGpioPort(
            pb.WriteGpioPortRequest(session_name=session, port=2, mask=mask, state=state)
        )

    def read(mask: int, port: int = 2) -> int:
        request = pb.ReadGpioPortRequest(session_name=session, port=port, mask=mask)
        return bench.stub.ReadGpioPort(request).state

    write(0xFF, 0b1010_0101)
    write(0b0000_1111, 0b1111_1010)

    assert read(0xFF) == 0b1010_1010
    assert read(0b0000_0011) == 0b10
    assert read(0) == 0
    assert read(0xFF, port=1) == 0


def test_the_references_client_never_sends_a_port_and_means_port_0(
    bench: Bench, session: str
) -> None:
    bench.stub.WriteGpioChannel(
        pb.WriteGpioChannelRequest(session_name=session, channel=6, state=True)
    )
    read = pb.ReadGpioPortRequest(session_name=session, port=0, mask=0xFF)
    assert bench.stub.ReadGpioPort(read).state == 0b0100_0000


# What the protocol promises beyond that table.


def test_all_clients_of_a_resource_share_one_session_whose_name_is_never_reused(
    bench: Bench,
) -> None:
    first = bench.initialize(NEW)
    again = bench.initialize(AUTO)
    attached = bench.initialize(ATTACH)
    assert [one.new_session for one in (first, again, attached)] == [True, False, False]
    assert first.session_name == again.session_name == attached.session_name

    bench.stub.Close(pb.CloseRequest(session_name=first.session_name))
    assert bench.initialize(AUTO).session_name != first.session_name


def test_a_new_session_begins_with_the_map_and_low_lines(bench: Bench, session: str) -> None:
    bench.write(session, "CONFIG_0", 1)
    bench.stub.WriteGpioPort(
        pb.WriteGpioPortRequest(session_name=session, port=0, mask=255, state=255)
    )
    bench.stub.Close(pb.CloseRequest(session_name=session))

    again = bench.initialize().session_name

    assert bench.read(again, "CONFIG_0") == 12
    read = pb.ReadGpioPortRequest(session_name=again, port=0, mask=255)
    assert bench.stub.ReadGpioPort(read).state == 0


def test_a_refusal_carries_a_reason_that_programs_can_read(bench: Bench, session: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        bench.initialize(NEW)
    status = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert status is not None and status.details[0].Unpack(info)

    assert info.reason == "SESSION_ALREADY_OPEN"
    assert "reference" in info.metadata["holder"]


def test_a_register_map_may_have_a_byte_order_mark_and_no_register(bench: Bench) -> None:
    path = bench.map_file(b"\xef\xbb\xbfRegister Name,Default Data\r\nA,7\r\n")
    assert bench.read(bench.initialize(register_map_path=path).session_name, "A") == 7

    empty = bench.map_file("Register Name,Register Address,Default Data\n")
    name = bench.initialize(resource_name="empty", register_map_path=empty).session_name
    again = bench.initialize(ATTACH, resource_name="empty", register_map_path=empty)
    assert again.session_name == name, "an empty map is a map"


@pytest.mark.parametrize(
    "content",
    [
        b"Register Name,Default Data\nA,1\nA,2\n",
        b"Register Name,Default Data\n,1\n",
        b"Register Name,Default Data\nA\n",
        b'Register Name,Default Data\n"A,1\n',
        b"Register Name,Default Data\n\xe9,1\n",
        b"\x00\x01\x02",
    ],
)
def test_a_file_that_is_no_register_map_is_an_invalid_argument(
    bench: Bench, content: bytes
) -> None:
    assert refused(bench.initialize, register_map_path=bench.map_file(content)) is INVALID


def test_a_malformed_request_is_an_invalid_argument(anonymous: DeviceCommProcess) -> None:
    with anonymous.channel() as channel:
        call = channel.unary_unary("/DeviceCommunication.DeviceCommunication/Initialize")
        assert refused(call, b"\xff\xff") is INVALID


def test_closing_while_others_call_is_never_an_internal_error(bench: Bench) -> None:
    codes: set[grpc.StatusCode] = set()

    def write(name: str) -> None:
        try:
            while True:
                bench.write(name, "CONFIG_0", 1)
        except grpc.RpcError as error:
            codes.add(error.code())

    for _ in range(10):
        name = bench.initialize().session_name
        threads = [threading.Thread(target=write, args=(name,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        bench.stub.Close(pb.CloseRequest(session_name=name))
        for thread in threads:
            thread.join()

    assert codes == {NOT_FOUND}


def test_a_server_with_tokens_serves_only_callers_with_a_token(
    own_server: DeviceCommProcess,
) -> None:
    request = pb.InitializeRequest(resource_name="r", protocol=pb.SPI, register_map_path=MAP)
    with own_server.channel() as channel:
        stub = DeviceCommunicationStub(channel)
        assert refused(stub.Initialize, request) is grpc.StatusCode.UNAUTHENTICATED
        metadata = (("authorization", f"Bearer {own_server.token}"),)
        assert stub.Initialize(request, metadata=metadata).new_session
