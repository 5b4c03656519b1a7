"""P8, T31, T32: a server that stops says so, finishes its calls, closes sessions and exits 0."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from capabilities import needs_signals
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hosting import Lock, hosted
from processes import LockServer, Process
from session_sharing import ServerDrainingError
from session_sharing.client import ConnectOptions, SessionWatch, SharedSession, connect
from session_sharing.server import HostOptions


class LockSession(SharedSession):
    kind = "lock"


@needs_signals
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


def test_health_reports_the_stop_before_calls_are_refused() -> None:
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


def test_open_streams_of_clients_do_not_delay_the_end_of_an_idle_server() -> None:
    """The server ends Hold, Watch, health and reflection long before its grace is over."""
    asked = threading.Event()

    def ask_no_more() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        asked.wait(20)

    with hosted(HostOptions(grace=20.0)) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        channel = options.open_channel()
        health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        unknown = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service="nobody's")
        )
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = reflection.ServerReflectionInfo(ask_no_more())
        connection = connect(options)
        connection.be_present()
        watch = SessionWatch(connection)
        for stream in (health, unknown, answers):
            next(stream)
        stopping = time.monotonic()

    assert time.monotonic() - stopping < 2.0
    assert [answer.status for answer in health] == [health_pb2.HealthCheckResponse.NOT_SERVING]
    assert list(unknown) == []
    assert list(answers) == []
    asked.set()
    watch.close()
    connection.close()


def test_streams_get_a_draining_event_and_calls_that_have_begun_finish() -> None:
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
