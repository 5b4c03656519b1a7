"""T30, T34, T38: a server listens at the given addresses only, and shares none of them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from capabilities import needs_ipv6, needs_unix_sockets
from hosting import hosted
from session_sharing import InvalidArgumentError, ResourceInUseError
from session_sharing.client import ConnectOptions, connect
from session_sharing.server import (
    HostOptions,
    SessionHost,
    TcpListener,
    TlsFiles,
    UnixListener,
    parse_listener,
)


def _port(target: str) -> int:
    return int(target.rpartition(":")[2])


def test_a_port_that_is_taken_is_refused_and_not_shared() -> None:
    with hosted() as first:
        listener = TcpListener("127.0.0.1", _port(first.targets[0]))
        with pytest.raises(ResourceInUseError), hosted(HostOptions(listeners=(listener,))):
            pass


@needs_unix_sockets
def test_a_second_server_cannot_take_a_live_socket(folder: Path) -> None:
    options = HostOptions(listeners=(UnixListener(folder / "s" / "lock"),))
    with hosted(options) as first:
        with pytest.raises(ResourceInUseError), hosted(options):
            pass
        assert connect(ConnectOptions(first.targets[0])).is_connected()


@needs_unix_sockets
def test_a_stale_socket_is_reclaimed(folder: Path) -> None:
    path = folder / "s" / "lock"
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with hosted(HostOptions(listeners=(UnixListener(path),))) as host:
        assert connect(ConnectOptions(host.targets[0])).is_connected()


@needs_unix_sockets
def test_a_socket_in_a_folder_that_others_can_enter_is_refused(folder: Path) -> None:
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    with (
        pytest.raises(InvalidArgumentError, match="chmod 700"),
        hosted(HostOptions(listeners=(UnixListener(shared / "lock"),))),
    ):
        pass


@needs_unix_sockets
def test_a_socket_path_that_is_too_long_is_refused_with_the_limit(folder: Path) -> None:
    path = folder / ("x" * 120)
    with (
        pytest.raises(InvalidArgumentError, match=r"too long.*at most 100 bytes"),
        hosted(HostOptions(listeners=(UnixListener(path),))),
    ):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com"])
def test_listening_beyond_this_host_needs_permission_and_tls(host: str) -> None:
    listeners = (TcpListener(host),)
    files = TlsFiles(Path("certificate.pem"), Path("key.pem"))
    with pytest.raises(InvalidArgumentError, match="TLS"):
        SessionHost({}, HostOptions(listeners=listeners, network=True))
    with pytest.raises(InvalidArgumentError, match="--network"):
        SessionHost({}, HostOptions(listeners=listeners, tls=files))


@needs_unix_sockets
def test_nothing_is_left_open_when_the_second_listener_fails(folder: Path) -> None:
    with hosted() as other:
        taken = TcpListener("127.0.0.1", _port(other.targets[0]))
        mine = UnixListener(folder / "s" / "lock")
        with pytest.raises(ResourceInUseError), hosted(HostOptions(listeners=(mine, taken))):
            pass
        assert list(folder.iterdir()) == []


def test_loopback_works_with_a_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with hosted() as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        assert connect(options).is_connected()


@needs_ipv6
def test_ipv6_loopback_works_too() -> None:
    with hosted(HostOptions(listeners=(TcpListener("::1"),))) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        assert connect(options).is_connected()


@pytest.mark.parametrize("text", ["", "tcp:", "tcp:host", "tcp:h:99999", "udp:h:1", "unix:"])
def test_texts_that_are_not_addresses_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="tcp:HOST:PORT, tls:HOST:PORT or unix:PATH"):
        parse_listener(text)


def test_addresses_are_read(tmp_path: Path) -> None:
    assert parse_listener("tcp:[::1]:5") == TcpListener("::1", 5)
    assert parse_listener("tcp:localhost:0") == TcpListener("localhost", 0)
    assert parse_listener(f"unix:{tmp_path}") == UnixListener(tmp_path)
    assert os.fspath(tmp_path)
