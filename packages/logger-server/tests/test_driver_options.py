"""NI's own options objects open a log: the user's channel, session name and behavior."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from json_logger_client import InitializationBehavior, JsonLoggerClient
from json_logger_proto import json_logger_pb2 as pb
from logger_process import LoggerProcess, records_in
from processes import eventually
from session_sharing import SessionAlreadyOpenError, SessionNotFoundError


@dataclass
class Options:
    """An options object like that of every driver, because no driver is installed here."""

    grpc_channel: grpc.Channel
    session_name: str
    initialization_behavior: Any = InitializationBehavior.AUTO


def makers() -> list[Any]:
    found: list[Any] = [pytest.param(Options, InitializationBehavior, id="own")]
    for name in ("nidcpower", "nidmm"):
        driver = _import(name)
        if driver is not None:
            behaviors = driver.SessionInitializationBehavior
            found.append(pytest.param(driver.GrpcSessionOptions, behaviors, id=name))
    return found


def _import(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        return None


@pytest.fixture
def channel(anonymous: LoggerProcess) -> Iterator[grpc.Channel]:
    with anonymous.channel() as channel:
        yield channel


@pytest.mark.parametrize(("make", "behaviors"), makers())
def test_a_drivers_options_open_share_and_close_a_log(
    anonymous: LoggerProcess, channel: grpc.Channel, make: Any, behaviors: Any
) -> None:
    path = anonymous.folder / f"{make.__module__}.ndjson"

    def options(behavior: Any) -> Any:
        return make(channel, "from the drivers", initialization_behavior=behavior)

    with pytest.raises(SessionNotFoundError):
        attach = options(behaviors.ATTACH_TO_SERVER_SESSION)
        JsonLoggerClient(path.name, grpc_options=attach)
    with JsonLoggerClient(path.name, grpc_options=options(behaviors.AUTO)) as log:
        assert log.session_name == "from the drivers"
        assert log.connection.channel is channel
        with JsonLoggerClient(
            path.name, grpc_options=options(behaviors.ATTACH_TO_SERVER_SESSION)
        ) as other:
            other.log_data("m", {}, {})
        with pytest.raises(SessionAlreadyOpenError):
            new = options(behaviors.INITIALIZE_SERVER_SESSION)
            JsonLoggerClient(path.name, grpc_options=new)
        log.log_data("m", {}, {})
    assert [record["seq"] for record in records_in(path)] == [1, 2]


def test_the_users_channel_stays_open_and_presence_shares_it(
    anonymous: LoggerProcess, channel: grpc.Channel
) -> None:
    stub = anonymous.reference_stub()
    with JsonLoggerClient("shared.ndjson", grpc_options=Options(channel, "")) as log:
        log.log_data("m", {}, {})
    with JsonLoggerClient("shared.ndjson", grpc_options=Options(channel, "")) as log:
        log.log_data("m", {}, {})
        channel.close()

        def is_gone() -> bool:
            request = pb.InitializeFileRequest(file_path="shared.ndjson")
            request.initialization_behavior = pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING
            try:
                stub.InitializeFile(request)
            except grpc.RpcError as error:
                return error.code() is grpc.StatusCode.NOT_FOUND
            return False

        eventually(is_gone, within=30)
        log._ended = True  # its channel is closed: there is no way to say good-bye
