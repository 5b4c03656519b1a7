"""No other identity can close or write a log: a session belongs to the identity that opened it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from json_logger_client import ConnectOptions, JsonLoggerClient, SessionOptions
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from logger_process import LoggerProcess, records_in
from session_sharing.places import write_private


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggerProcess]:
    """A logger that accepts two more identities."""
    folder = tmp_path_factory.mktemp("keyed")
    keys = folder / "keys.json"
    write_private(keys, json.dumps({"alice": "a" * 32, "bob": "b" * 32}))
    with LoggerProcess(folder, f"--api-keys={keys}") as process:
        yield process


def connect_as(logger: LoggerProcess, name: str) -> ConnectOptions:
    return ConnectOptions(logger.target).with_api_key(name[0] * 32, name)


def reference_call(logger: LoggerProcess, session: str, authorization: str) -> grpc.StatusCode:
    """Try to close another identity's session by the reference protocol."""
    with logger.channel() as channel, pytest.raises(grpc.RpcError) as caught:
        json_logger_pb2_grpc.JsonLoggerStub(channel).CloseFile(
            pb.CloseFileRequest(session_name=session),
            metadata=(("authorization", authorization),) if authorization else (),
        )
    return caught.value.code()


def test_a_close_by_another_identity_is_refused_and_the_owner_continues(
    keyed: LoggerProcess,
) -> None:
    with JsonLoggerClient(
        "a.ndjson", connection=connect_as(keyed, "alice"), options=SessionOptions()
    ) as log:
        refused = grpc.StatusCode.PERMISSION_DENIED
        assert reference_call(keyed, log.session_name, f"ApiKey bob:{'b' * 32}") is refused
        unknown = grpc.StatusCode.UNAUTHENTICATED
        assert reference_call(keyed, log.session_name, "") is unknown
        assert reference_call(keyed, log.session_name, "Bearer guessed") is unknown
        log.log_data("undisturbed", {}, {})
    assert len(records_in(keyed.folder / "a.ndjson")) == 1


def test_session_names_cannot_be_guessed(keyed: LoggerProcess, tmp_path: Path) -> None:
    names = set()
    for _ in range(20):
        with keyed.client("b.ndjson") as log:
            names.add(log.session_name)
    assert len(names) == 20
    assert all(len(name) >= 32 for name in names)
