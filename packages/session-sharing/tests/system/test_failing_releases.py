"""A client that closes a session gets the error of its release hook, and the session is listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hosting import Lock, hosted
from processes import eventually
from session_sharing import ResourceFailedError
from session_sharing.client import ConnectOptions, SharedSession
from session_sharing.server import HostOptions, SessionHost
from session_sharing.v1 import lifecycle_pb2 as pb

PATIENCE = 30.0


class Output(Lock):
    """An output that cannot be switched off while `stuck`."""

    stuck = True

    def __init__(self, name: str) -> None:
        super().__init__(name)
        if name == "missing":
            raise OSError(2, "No such device", "/dev/ttyUSB7")

    def close(self) -> None:
        if self.stuck:
            raise RuntimeError("the output does not switch off")


class OutputSession(SharedSession):
    kind = "output"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionHost]:
    monkeypatch.setattr(Output, "stuck", True)
    with hosted(HostOptions(grace=0.5), {"output": Output}) as host:
        yield host


@pytest.fixture
def options(host: SessionHost) -> ConnectOptions:
    return ConnectOptions(host.targets[0], token=host.authenticator.token)


def leave(session: OutputSession) -> None:
    with session:
        pass


@pytest.mark.parametrize("end", [leave, OutputSession.close, OutputSession.detach])
def test_the_client_that_closes_gets_the_error_and_the_log_has_it(
    options: ConnectOptions,
    end: Callable[[OutputSession], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = OutputSession("smu", options)
    with pytest.raises(ResourceFailedError, match=r"'smu' .* RuntimeError: the output does not"):
        end(session)
    assert "The release hook of 'smu' failed" in caplog.text
    assert "Traceback" in caplog.text


def test_a_failed_session_is_listed_until_a_later_release_succeeds(
    options: ConnectOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OutputSession("other", options) as observer:
        with pytest.raises(ResourceFailedError):
            OutputSession("smu", options).close()

        def failed() -> list[tuple[str, str]]:
            lifecycle = observer.connection.lifecycle
            answer = observer.connection.call(lifecycle.ListSessions, pb.ListSessionsRequest())
            return [(item.resource, item.reason.rpartition(": ")[2]) for item in answer.failed]

        assert failed() == [("smu", "the output does not switch off")]
        again = OutputSession("smu", options)
        assert failed() == [("smu", "the output does not switch off")]
        monkeypatch.setattr(Output, "stuck", False)
        again.close()
        assert failed() == []


def test_a_failed_release_after_a_killed_client_is_listed(
    host: SessionHost, options: ConnectOptions, caplog: pytest.LogCaptureFixture
) -> None:
    OutputSession("smu", options).connection.close()
    eventually(lambda: bool(host.registry.failed_sessions()), within=PATIENCE)
    (failed,) = host.registry.failed_sessions()
    assert failed.session.request.resource == "smu"
    eventually(lambda: "the output does not switch off" in caplog.text, within=PATIENCE)


def test_an_error_of_a_constructor_reaches_the_client(options: ConnectOptions) -> None:
    with pytest.raises(ResourceFailedError, match=r"No such device: '/dev/ttyUSB7'"):
        OutputSession("missing", options)


def test_failed_sessions_are_not_remembered_without_bound(
    host: SessionHost, options: ConnectOptions
) -> None:
    for number in range(110):
        with pytest.raises(ResourceFailedError):
            OutputSession(f"smu {number}", options).close()
    assert len(host.registry.failed_sessions()) == 100
