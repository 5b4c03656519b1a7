"""P8, T31, T32: a server that is told to stop says so, finishes, closes all, and exits with 0."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hosting import Lock, hosted
from processes import LockServer, Process
from session_sharing.client import ConnectOptions, SessionWatch, SharedSession, connect
from session_sharing.core.errors import ServerDrainingError
from session_sharing.server import HostOptions


class LockSession(SharedSession):
    kind = "lock"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_every_usual_signal_ends_a_server_cleanly(
    name: str, server: LockServer, folder: Path, keep: Callable[[Process], Process]
) -> None:
    client = keep(server.client("r"))
    assert client.line() == "new"

    server.popen.send_signal(getattr(signal, name))

    assert server.popen.wait(10) == 0
    assert list(folder.rglob("*")) == []


def test_a_server_whose_input_is_closed_goes_on(server: LockServer) -> None:
    assert server.popen.stdin
    server.popen.stdin.close()
    assert connect(ConnectOptions(server.target)).is_connected()


def test_health_says_so_before_anything_is_refused() -> None:
    told: list[int] = []
    draining = threading.Event()
    with hosted(HostOptions(grace=0.5)) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        watch = health_pb2_grpc.HealthStub(options.open_channel()).Watch(
            health_pb2.HealthCheckRequest(service="session_sharing.v1.SessionLifecycle")
        )
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING

        def follow() -> None:
            try:
                for answer in watch:
                    told.append(answer.status)
                    draining.set()
            except grpc.RpcError:
                draining.set()

        thread = threading.Thread(target=follow)
        thread.start()
    thread.join(10)

    assert told == [health_pb2.HealthCheckResponse.NOT_SERVING]


def test_watchers_and_holders_are_told_and_what_is_under_way_is_finished() -> None:
    opening, go_on = threading.Event(), threading.Event()

    class Slow(Lock):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            if name == "slow":
                opening.set()
                assert go_on.wait(10)

    with hosted(HostOptions(grace=5.0), {"lock": Slow}) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        with connect(options) as connection, SessionWatch(connection) as watch:
            connection.be_present()
            results: list[object] = []

            def open_slowly() -> None:
                results.append(LockSession("slow", connection).new_session)

            thread = threading.Thread(target=open_slowly)
            thread.start()
            assert opening.wait(10)
            host.registry.drain()
            with pytest.raises(ServerDrainingError):
                LockSession("other", connection)
            go_on.set()
            thread.join(10)

            assert results == [True]
            assert watch.get_event(timeout=5) is not None
