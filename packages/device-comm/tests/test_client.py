"""The client has its own methods, and those of the reference's client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from device_comm import (
    BitsError,
    ClosePolicy,
    Connection,
    DeviceCommunicationClient,
    InitializationBehavior,
    InvalidArgumentError,
    NotPermittedError,
    Protocol,
    ResourceNotFoundError,
    ServerUnavailableError,
    SessionExpiredError,
    SessionOptions,
)
from device_comm_process import DeviceCommProcess


def test_registers_are_numbers_or_the_references_texts_of_8_bits(
    server: DeviceCommProcess,
) -> None:
    with server.client() as device:
        assert device.get_register("MFR_ID") == 251
        assert device.read_register("MFR_ID") == "11111011"
        device.write_register("USER_DATA_0", "00101010")
        assert device.get_register("USER_DATA_0") == 42
        device.set_register("USER_DATA_0", 70_000)
        assert device.get_register("USER_DATA_0") == 70_000
        with pytest.raises(BitsError, match="8 bits"):
            device.read_register("USER_DATA_0")


@pytest.mark.parametrize("text", ["101", "0010101x", "001010100", ""])
def test_a_text_that_is_not_8_bits_is_refused_as_by_the_references_client(
    server: DeviceCommProcess, text: str
) -> None:
    with server.client() as device, pytest.raises(ValueError, match="8 bits"):
        device.write_register("USER_DATA_0", text)


def test_lines_are_set_and_read_one_by_one_and_by_port(server: DeviceCommProcess) -> None:
    with server.client() as device:
        device.set_line(1, 3, True)
        device.set_port(1, 0b1100_0000, mask=0b1111_0000)
        assert device.get_line(1, 3)
        assert device.get_port(1) == 0b1100_1000
        assert device.get_port(1, mask=0b1000) == 0b1000

        device.write_gpio_channel(6, True)
        assert device.read_gpio_channel(6).state
        device.write_gpio_port(0, 0x0F, "00000001")
        assert device.read_gpio_port(0, 0xFF) == "01000001"
        assert device.read_gpio_channel(3, port=1).state


@pytest.mark.parametrize(
    "act",
    [
        lambda device: device.set_register("USER_DATA_0", -1),
        lambda device: device.set_register("USER_DATA_0", 2**32),
        lambda device: device.set_register("USER_DATA_0", "1"),
        lambda device: device.get_register("NONE"),
        lambda device: device.get_port(4),
        lambda device: device.get_port(-1),
        lambda device: device.set_line(0, 8, True),
        lambda device: device.set_port(0, 256),
    ],
)
def test_a_value_that_the_device_cannot_take_is_an_invalid_argument(
    server: DeviceCommProcess, act: Any
) -> None:
    with server.client() as device, pytest.raises(InvalidArgumentError):
        act(device)


def test_the_references_arguments_are_accepted_in_its_order(server: DeviceCommProcess) -> None:
    with DeviceCommunicationClient(
        "Dut",
        2,
        str(server.folder / "sample.csv"),
        False,
        InitializationBehavior.INITIALIZE_SERVER_SESSION,
        connection=server.connect(),
    ) as device:
        assert device.new_session
        assert device.details["protocol"] == "I2C"
        assert device.details["register_map"] == str((server.folder / "sample.csv").resolve())
        assert device.details["registers"] == "6"


def test_reset_sets_the_registers_of_an_open_session_to_the_values_of_its_map(
    server: DeviceCommProcess,
) -> None:
    with server.client() as device:
        device.set_register("CONFIG_0", 1)
        device.set_port(0, 0b11)
        with server.client() as same:
            assert same.get_register("CONFIG_0") == 1
        with server.client(reset=True) as other:
            assert other.get_register("CONFIG_0") == 12
            assert other.get_port(0) == 0b11, "lines are no registers"
        device.set_register("CONFIG_0", 2)
        device.reload_registers()
        assert device.get_register("CONFIG_0") == 12


def test_a_device_can_have_lines_only(server: DeviceCommProcess) -> None:
    with server.client(register_map_path="") as device:
        device.set_line(0, 0, True)
        assert device.get_line(0, 0)
        with pytest.raises(InvalidArgumentError, match="no register map"):
            device.get_register("CONFIG_0")
        with pytest.raises(InvalidArgumentError, match="nothing to reload"):
            device.reload_registers()


def test_who_attaches_needs_no_register_map(server: DeviceCommProcess) -> None:
    with server.client(), server.client(register_map_path="") as other:
        assert other.get_register("MFR_ID") == 251


def test_clients_of_both_kinds_share_one_session(anonymous: DeviceCommProcess) -> None:
    from device_comm import device_comm_service_pb2 as pb

    stub = anonymous.reference_stub()
    opened = stub.Initialize(
        pb.InitializeRequest(
            resource_name="both", protocol=Protocol.SPI, register_map_path="sample.csv"
        )
    )
    with anonymous.client("both") as ours:
        assert ours.session_name == opened.session_name
        ours.set_register("CONFIG_0", 77)
        request = pb.ReadRegisterRequest(session_name=opened.session_name, register_name="CONFIG_0")
        assert stub.ReadRegister(request).value == 77
        stub.Close(pb.CloseRequest(session_name=opened.session_name))
        with pytest.raises(SessionExpiredError):
            ours.get_register("CONFIG_0")


def test_a_stale_client_cannot_reset_the_registers_of_a_later_session(
    server: DeviceCommProcess,
) -> None:
    with server.client() as first, server.client() as stale:
        first.close()
        with server.client() as later:
            later.set_register("CONFIG_0", 5)
            for act in (stale.reload_registers, lambda: stale.set_register("CONFIG_0", 9)):
                with pytest.raises(SessionExpiredError):
                    act()
            assert later.get_register("CONFIG_0") == 5


def test_several_devices_share_a_connection(server: DeviceCommProcess) -> None:
    last = SessionOptions(close_policy=ClosePolicy.WITH_LAST_ATTACHMENT)
    with Connection(server.connect()) as connection:
        devices = [
            DeviceCommunicationClient(name, connection=connection, options=last)
            for name in ("A", "B")
        ]
        devices[0].set_line(0, 0, True)
        assert not devices[1].get_line(0, 0)
        for device in devices:
            device.detach()


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd.csv", "maps/../../secret.csv"])
def test_no_file_outside_the_map_roots_is_read(server: DeviceCommProcess, name: str) -> None:
    (server.folder.parent / "secret.csv").write_text("Register Name,Default Data\nA,1\n")
    with pytest.raises(NotPermittedError, match="--map-root"):
        server.client(register_map_path=name)


def test_a_missing_register_map_leaves_no_session(server: DeviceCommProcess) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"none\.csv"):
        server.client(register_map_path="none.csv")
    with server.client() as device:
        assert device.new_session


def test_wrong_arguments_are_refused_before_a_server_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="protocol"):
        DeviceCommunicationClient("Dut", 9)
    with pytest.raises(InvalidArgumentError, match="resource_name"):
        DeviceCommunicationClient(7)  # type: ignore[arg-type]
    new = SessionOptions(InitializationBehavior.INITIALIZE_SERVER_SESSION)
    attach = InitializationBehavior.ATTACH_TO_SERVER_SESSION
    with pytest.raises(InvalidArgumentError, match="different behaviors"):
        DeviceCommunicationClient("Dut", initialization_behavior=attach, options=new)


def test_without_a_server_the_client_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLATFORM_SIM_DISCOVERY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ServerUnavailableError, match="device-comm serve"):
        DeviceCommunicationClient("Dut")
