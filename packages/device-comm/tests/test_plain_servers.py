"""Our client works with the reference's server, which has neither attachments nor presence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from device_comm import (
    ConnectOptions,
    DeviceCommunicationClient,
    InitializationBehavior,
    InvalidArgumentError,
    SessionAlreadyOpenError,
    SessionNotFoundError,
    UnexpectedStatusError,
)
from plain_server import PlainServicer, plain_server

AUTO = InitializationBehavior.AUTO
NEW = InitializationBehavior.INITIALIZE_SERVER_SESSION
ATTACH = InitializationBehavior.ATTACH_TO_SERVER_SESSION
NEW_THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
ATTACH_THEN_CLOSE = InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE


@pytest.fixture
def server() -> Iterator[tuple[PlainServicer, str]]:
    with plain_server() as running:
        yield running


def client(
    server: tuple[PlainServicer, str],
    behavior: InitializationBehavior = AUTO,
    register_map_path: str = "a.csv",
) -> DeviceCommunicationClient:
    return DeviceCommunicationClient(
        "Dut",
        register_map_path=register_map_path,
        initialization_behavior=behavior,
        connection=ConnectOptions(server[1]),
    )


@pytest.mark.parametrize(
    ("behavior", "is_open", "stays"),
    [
        (AUTO, False, False),
        (AUTO, True, True),
        (NEW, False, False),
        (ATTACH, True, True),
        (NEW_THEN_DETACH, False, True),
        (ATTACH_THEN_CLOSE, True, False),
    ],
)
def test_the_five_behaviors_close_and_leave_open_as_with_our_server(
    server: tuple[PlainServicer, str],
    behavior: InitializationBehavior,
    is_open: bool,
    stays: bool,
) -> None:
    if is_open:
        client(server, NEW_THEN_DETACH).detach()
    with client(server, behavior) as device:
        assert device.new_session is not is_open
        device.set_register("USER", 0b101)
        assert device.read_register("USER") == "00000101"
    assert bool(server[0].sessions) is stays


def test_its_refusals_are_the_usual_errors(server: tuple[PlainServicer, str]) -> None:
    with pytest.raises(SessionNotFoundError):
        client(server, ATTACH)
    with pytest.raises(InvalidArgumentError):
        client(server, register_map_path="a.txt")
    with client(server) as device:
        with pytest.raises(SessionAlreadyOpenError):
            client(server, NEW)
        with pytest.raises(UnexpectedStatusError, match="Error reading register"):
            device.get_register("NONE")


def test_a_closed_session_is_not_found_by_the_others(server: tuple[PlainServicer, str]) -> None:
    with client(server, NEW_THEN_DETACH) as device, client(server, ATTACH) as other:
        device.close()
        with pytest.raises(SessionNotFoundError):
            other.get_register("CONFIG_0")
