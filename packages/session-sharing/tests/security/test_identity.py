"""T35, T36, T44: callers with a token, a key or the socket may call, and others learn nothing."""

from __future__ import annotations

import hmac
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from as_user import needs_users
from capabilities import needs_modes, needs_unix_sockets
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hosting import hosted
from session_sharing import (
    InvalidArgumentError,
    LimitExceededError,
    NotAuthenticatedError,
    NotPermittedError,
)
from session_sharing.client import Connection, ConnectOptions, SharedSession, connect
from session_sharing.server import (
    ApiKey,
    HostOptions,
    Role,
    SessionHost,
    UnixListener,
    read_api_keys,
)
from session_sharing.v1 import lifecycle_pb2 as pb


class LockSession(SharedSession):
    kind = "lock"


@pytest.fixture
def host() -> Iterator[SessionHost]:
    with hosted(HostOptions(api_keys={"station-7": "k3y"})) as host:
        yield host


def _options(host: SessionHost, token: str | None = None) -> ConnectOptions:
    return ConnectOptions(
        host.targets[0], token=host.authenticator.token if token is None else token
    )


def test_a_caller_with_the_servers_token_is_its_user(host: SessionHost) -> None:
    with LockSession("a", _options(host)) as session:
        assert session.new_session


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000])
def test_a_missing_or_wrong_token_is_refused(host: SessionHost, token: str) -> None:
    with pytest.raises(NotAuthenticatedError):
        connect(_options(host, token))
    with pytest.raises(NotAuthenticatedError):
        LockSession("a", _options(host, token))


def test_a_token_is_useless_after_its_server_has_stopped() -> None:
    with hosted() as first:
        old = first.authenticator.token
    with hosted() as second, pytest.raises(NotAuthenticatedError):
        connect(_options(second, old))


def test_the_time_of_a_refusal_does_not_depend_on_the_guessed_token(
    host: SessionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock cannot measure this over a socket, so the test watches the comparison instead."""
    compared: list[tuple[str, str]] = []
    compare = hmac.compare_digest

    def watched(given: bytes, expected: bytes) -> bool:
        compared.append((given.decode(), expected.decode()))
        return compare(given, expected)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    token = host.authenticator.token
    guess = token[:-1] + "~"
    options = _options(host, guess)
    for wrong in (
        options,
        options.with_api_key("k3z", "station-7"),
        options.with_api_key("k3y", "nobody"),
    ):
        with pytest.raises(NotAuthenticatedError):
            connect(wrong)

    assert compared == [(guess, token), ("k3z", "k3y"), ("k3y", "")]


def test_the_server_limits_the_rate_of_wrong_tokens(host: SessionHost) -> None:
    refusals = []
    for _ in range(100):
        with pytest.raises((NotAuthenticatedError, LimitExceededError)) as refusal:
            connect(_options(host, "guess"))
        refusals.append(type(refusal.value))

    assert LimitExceededError in refusals
    assert connect(_options(host)).is_connected(), "whoever has the token is not hurt"


def test_health_and_reflection_refuse_callers_without_a_token(host: SessionHost) -> None:
    stranger = _options(host, "").open_channel()
    reflect = reflection_pb2_grpc.ServerReflectionStub(stranger).ServerReflectionInfo
    request = reflection_pb2.ServerReflectionRequest(list_services="")

    with pytest.raises(grpc.RpcError) as health:
        health_pb2_grpc.HealthStub(stranger).Check(health_pb2.HealthCheckRequest())
    with pytest.raises(grpc.RpcError) as reflection:
        next(reflect(iter([request])))

    assert health.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert reflection.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_health_and_reflection_answer_the_user(host: SessionHost) -> None:
    channel = _options(host).open_channel()
    reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    name = "session_sharing.v1.SessionLifecycle"

    status = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
    services = next(reflect(iter([request]))).list_services_response.service

    assert status.status == health_pb2.HealthCheckResponse.SERVING
    assert name in [service.name for service in services]


def test_an_api_key_is_a_separate_identity_that_cannot_close_sessions_of_others(
    host: SessionHost,
) -> None:
    station = _options(host).with_api_key("k3y", "station-7")
    mine = LockSession("a", _options(host))
    with mine, LockSession("a", station) as theirs, pytest.raises(NotPermittedError):
        theirs.close()
    with pytest.raises(NotAuthenticatedError):
        connect(station.with_api_key("k3y", "station-8"))
    with pytest.raises(NotAuthenticatedError):
        connect(replace(station, api_key="guess"))


def test_the_role_of_a_key_says_what_its_holder_may_do() -> None:
    keys = {
        "screen": ApiKey("1", Role.OBSERVE),
        "station": ApiKey("2", Role.USE),
        "boss": ApiKey("3", Role.ADMINISTRATE),
    }
    with hosted(HostOptions(api_keys=keys)) as host:
        options = {name: _options(host).with_api_key(key.key, name) for name, key in keys.items()}
        with LockSession("a", options["station"]) as session:
            with connect(options["screen"]) as screen:
                listed = screen.call(screen.lifecycle.ListSessions, pb.ListSessionsRequest())
                assert [one.resource for one in listed.sessions] == ["a"]
                with pytest.raises(NotPermittedError, match="'use'"):
                    LockSession("b", options["screen"]).open()
                with pytest.raises(NotPermittedError, match="'use'"):
                    _close(screen, session.session_name)
            with connect(options["boss"]) as boss:
                _close(boss, session.session_name)
                assert not boss.call(boss.lifecycle.ListSessions, pb.ListSessionsRequest()).sessions


def test_the_user_who_runs_the_server_may_close_sessions_of_keys(host: SessionHost) -> None:
    of_key = _options(host).with_api_key("k3y", "station-7")
    with LockSession("a", of_key) as session, connect(_options(host)) as owner:
        _close(owner, session.session_name)


def _close(connection: Connection, session_name: str) -> None:
    connection.call(connection.lifecycle.Close, pb.CloseRequest(session_name=session_name))


@pytest.mark.parametrize("value", ['{"key": 1}', '{"key": "b", "role": "king"}', "[]", "1"])
@needs_modes
def test_keys_that_are_not_written_as_documented_are_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(f'{{"a": {value}}}')
    file.chmod(0o600)
    with pytest.raises(InvalidArgumentError, match="observe, use, administrate"):
        read_api_keys(file)
    file.write_text('{"a": {"key": "b", "role": "observe"}}')
    assert read_api_keys(file) == {"a": ApiKey("b", Role.OBSERVE)}


@needs_modes
def test_api_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text('{"a": "b"}')
    file.chmod(0o644)
    with pytest.raises(InvalidArgumentError, match="chmod 600"):
        read_api_keys(file)
    file.chmod(0o600)
    assert read_api_keys(file) == {"a": ApiKey("b")}


def test_credentials_are_not_in_printed_options() -> None:
    options = ConnectOptions("t", token="s3cret").with_api_key("s3cret", "id")

    assert "s3cret" not in repr(options)
    assert "s3cret" not in repr(HostOptions(api_keys={"id": "s3cret"}))


@needs_unix_sockets
def test_other_users_cannot_open_a_socket_even_under_an_open_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        with hosted(HostOptions(listeners=(UnixListener(folder / "s" / "lock"),))):
            assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o700
            assert stat.S_IMODE((folder / "s" / "lock").stat().st_mode) == 0o600
    finally:
        os.umask(before)


@needs_unix_sockets
@needs_users
def test_another_user_of_the_host_cannot_connect_to_the_socket(folder: Path) -> None:
    script = (
        "import os, socket, sys; os.setuid(65534);"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
    )
    folder.chmod(0o755)
    with hosted(HostOptions(listeners=(UnixListener(folder / "s" / "lock"),))):
        tried = subprocess.run(
            [sys.executable, "-c", script, str(folder / "s" / "lock")],
            capture_output=True,
            text=True,
            check=False,
        )

    assert tried.returncode != 0
    assert "Permission denied" in tried.stderr
