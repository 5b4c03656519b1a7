"""A server is found through NI discovery while it runs, however often discovery restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import trustme
from bare_platform import discovery_client
from hosting import hosted
from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceLocation
from platform_sim import Platform
from platform_sim.hook import hooked_environment
from processes import eventually
from session_sharing.client import ConnectOptions, ServerUnavailableError, connect
from session_sharing.ni import DiscoveryAnnouncer, DiscoveryName, locate
from session_sharing.ni.announcing import service_location
from session_sharing.server import (
    Endpoint,
    HostOptions,
    SessionHost,
    StateFile,
    TcpListener,
    TlsFiles,
)

NAME = DiscoveryName("test.locks.v1", "test.LockService", display_name="Locks", version="1.2.3")
Restart = Callable[["Platform | None"], Platform]


@contextmanager
def announced(
    host: SessionHost, make_client: Callable[[], DiscoveryClient], folder: Path
) -> Iterator[DiscoveryAnnouncer]:
    state = StateFile(folder / "server.json")
    state.claim()
    state.publish(host)
    announcer = DiscoveryAnnouncer(NAME, state.path, make_client, interval=0.05)
    announcer.start(host.endpoints, host.authenticator.token)
    try:
        yield announcer
    finally:
        announcer.stop()
        state.remove()


def _knows(client: DiscoveryClient) -> bool:
    return any(
        info.service_class == NAME.service_class
        for info in client.enumerate_services(NAME.interface)
    )


def test_an_announced_server_is_located_with_its_token_and_gone_when_it_stops(
    client: DiscoveryClient, tmp_path: Path
) -> None:
    with hosted() as host:
        with announced(host, lambda: client, tmp_path):
            eventually(lambda: _knows(client), within=30)
            options = locate(NAME, ConnectOptions(label="tester"), client)
            assert options.label == "tester"
            with connect(options) as connection:
                assert connection.is_connected()
        assert not _knows(client)


def test_the_command_finds_a_server_by_its_names_in_discovery(
    client: DiscoveryClient, bare_platform: Platform, tmp_path: Path
) -> None:
    with hosted() as host, announced(host, lambda: client, tmp_path):
        eventually(lambda: _knows(client), within=30)
        service = f"--service={NAME.interface}/{NAME.service_class}"
        command = [sys.executable, "-m", "session_sharing", "show", "--json", service]
        environment = hooked_environment(bare_platform.discovery_address, os.environ)
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)

    (facts,) = json.loads(ended.stdout).values()
    assert facts["kinds"] == ["lock"]


def test_a_registration_describes_the_server_and_never_has_the_token(
    client: DiscoveryClient, tmp_path: Path
) -> None:
    with hosted() as host, announced(host, lambda: client, tmp_path):
        eventually(lambda: _knows(client), within=30)
        (info,) = client.enumerate_services(NAME.interface)

        assert (info.display_name, list(info.versions)) == ("Locks", ["1.2.3"])
        assert host.authenticator.token not in repr(info)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path) -> TlsFiles:
    files = TlsFiles(tmp_path / "server.pem", tmp_path / "server.key")
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(files.certificate))
    issued.private_key_pem.write_to_path(str(files.key))
    return files


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> ConnectOptions:
    root = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(root))
    return ConnectOptions(root_certificates=root, timeout=5.0)


def test_a_server_with_tls_only_is_announced_and_located_with_tls(
    client: DiscoveryClient, tmp_path: Path, tls: TlsFiles, trusting: ConnectOptions
) -> None:
    options = HostOptions(listeners=(TcpListener("127.0.0.1", tls=True),), tls=tls)
    with hosted(options) as host, announced(host, lambda: client, tmp_path):
        eventually(lambda: _knows(client), within=30)
        location = client.resolve_service(NAME.interface, NAME.service_class)
        port = host.targets[0].rpartition(":")[2]
        assert (location.insecure_port, location.ssl_authenticated_port) == ("", port)

        assert locate(NAME, ConnectOptions(), client).wants_tls
        with connect(locate(NAME, trusting, client)) as connection:
            assert connection.is_connected()


def test_clients_that_do_not_ask_for_tls_get_the_port_without_it(
    client: DiscoveryClient, tmp_path: Path, tls: TlsFiles, trusting: ConnectOptions
) -> None:
    listeners = (TcpListener("localhost", tls=True), TcpListener("127.0.0.1"))
    with (
        hosted(HostOptions(listeners=listeners, tls=tls)) as host,
        announced(host, lambda: client, tmp_path),
    ):
        eventually(lambda: _knows(client), within=30)
        ports = [target.rpartition(":")[2] for target in host.targets]
        found = [locate(NAME, options, client) for options in (trusting, ConnectOptions())]

        assert [options.target.rpartition(":")[2] for options in found] == ports
        assert all(connect(options).is_connected() for options in found)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([], None),
        ([Endpoint("unix:/s")], None),
        ([Endpoint("ipv6:[::1]:5", "::1", 5)], ("localhost", "5", "")),
        ([Endpoint("0.0.0.0:5", "0.0.0.0", 5, tls=True)], ("localhost", "", "5")),
        ([Endpoint("[fd00::1]:5", "fd00::1", 5, tls=True)], ("[fd00::1]", "", "5")),
        (
            [
                Endpoint("station:5", "station", 5, tls=True),
                Endpoint("ipv4:127.0.0.1:6", "127.0.0.1", 6),
            ],
            ("localhost", "6", ""),
        ),
    ],
)
def test_the_location_of_a_server_has_one_host_and_its_ports(
    endpoints: list[Endpoint], expected: tuple[str, str, str] | None
) -> None:
    assert service_location(endpoints) == expected


def test_a_server_that_starts_before_discovery_is_registered_when_discovery_starts(
    restart: Restart, tmp_path: Path
) -> None:
    platforms: list[Platform] = []
    tried: list[bool] = []

    def make_client() -> DiscoveryClient:
        tried.append(True)
        if not platforms:
            raise FileNotFoundError("no key file")
        return discovery_client(platforms[0])

    with hosted() as host, announced(host, make_client, tmp_path):
        eventually(lambda: len(tried) > 2, within=30)
        platforms.append(restart(None))
        eventually(lambda: _knows(discovery_client(platforms[0])), within=30)


def test_a_server_is_registered_again_after_a_restart_of_discovery(
    restart: Restart, tmp_path: Path
) -> None:
    platforms = [restart(None)]
    with hosted() as host, announced(host, lambda: discovery_client(platforms[-1]), tmp_path):
        eventually(lambda: _knows(discovery_client(platforms[-1])), within=30)
        platforms.append(restart(platforms[-1]))
        eventually(lambda: _knows(discovery_client(platforms[-1])), within=30)


def test_a_registration_that_discovery_has_forgotten_is_made_again(
    client: DiscoveryClient, tmp_path: Path
) -> None:
    with hosted() as host, announced(host, lambda: client, tmp_path):
        eventually(lambda: _knows(client), within=30)
        (info,) = client.enumerate_services(NAME.interface)
        port = host.targets[0].rpartition(":")[2]
        copy = client.register_service(info, ServiceLocation("localhost", port, ""))
        client.unregister_service(copy)  # the test's copy had replaced the announcer's registration

        eventually(lambda: _knows(client), within=30)


def test_the_server_serves_on_a_system_without_discovery(tmp_path: Path) -> None:
    def make_client() -> DiscoveryClient:
        raise NotImplementedError("Platform not supported")

    with hosted() as host, announced(host, make_client, tmp_path):
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        with connect(options) as connection:
            assert connection.is_connected()


def test_a_server_that_was_not_announced_is_not_located(client: DiscoveryClient) -> None:
    with pytest.raises(ServerUnavailableError, match=r"test\.LockService"):
        locate(NAME, ConnectOptions(), client)


def test_the_error_without_discovery_names_discovery(restart: Restart) -> None:
    platform = restart(None)
    client = discovery_client(platform)
    platform.stop()
    with pytest.raises(ServerUnavailableError, match="NI discovery"):
        locate(NAME, ConnectOptions(), client)


def test_a_token_in_the_options_is_kept(client: DiscoveryClient, tmp_path: Path) -> None:
    with hosted() as host, announced(host, lambda: client, tmp_path):
        eventually(lambda: _knows(client), within=30)
        assert locate(NAME, ConnectOptions(token="mine"), client).token == "mine"


def test_every_error_of_nis_client_is_caught(client: DiscoveryClient) -> None:
    with pytest.raises(grpc.RpcError):
        client.resolve_service("nobody.has.this")
