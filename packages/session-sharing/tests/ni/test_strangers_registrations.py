"""A client sends no token and no byte of a file to a server that another user registered."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from as_user import needs_users
from bare_platform import discovery_client, start_platform
from capabilities import needs_fifos, needs_symlinks, needs_unix_sockets
from hosting import hosted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
from session_sharing import NotPermittedError, SessionSharingError
from session_sharing.client import Connection, ConnectOptions
from session_sharing.ni import DiscoveryName, locate
from session_sharing.server import SessionHost, StateFile

NAME = DiscoveryName("test.locks.v1", "test.LockService", version="1.0.0")
NOBODY = 65534
SECRET = "the-users-secret-in-a-file"


class Rogue:
    """A server of another user, which records every byte that it receives."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = str(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.3)
            try:
                while data := connection.recv(65536):
                    self.heard += data
            except OSError:
                return


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiscoveryClient]:
    """A client of a discovery service that takes any registration."""
    platform = start_platform(tmp_path_factory.mktemp("logs"))
    yield discovery_client(platform)
    platform.stop()


@pytest.fixture
def rogue() -> Iterator[Rogue]:
    rogue = Rogue()
    yield rogue
    rogue.close()


@pytest.fixture(scope="module")
def host() -> Iterator[SessionHost]:
    with hosted() as host:
        yield host


@pytest.fixture(scope="module")
def state(host: SessionHost, tmp_path_factory: pytest.TempPathFactory) -> StateFile:
    """The state file of the user's own server."""
    state = StateFile(tmp_path_factory.mktemp("own") / "server.json")
    state.claim()
    state.publish(host)
    return state


def register(
    client: DiscoveryClient, port: str, annotations: dict[str, str], version: str = "99.0.0"
) -> str:
    info = ServiceInfo(
        NAME.service_class, "", [NAME.interface], annotations, NAME.service_class, [version]
    )
    return client.register_service(info, ServiceLocation("localhost", port, ""))


def call(client: DiscoveryClient, options: ConnectOptions, patience: float = 0.5) -> str:
    """Locate the server and call it, as a program does; return the outcome."""
    try:
        found = locate(NAME, options, client)
        with Connection(found) as connection:
            return "connected" if connection.is_connected(patience) else "silent"
    except SessionSharingError as error:
        return type(error).__name__


def named_file(folder: Path, kind: str) -> Path:
    """Make a file that a stranger could name in a registration."""
    path = folder / "named.json"
    if kind == "secret":
        path.write_text(SECRET)
        path.chmod(0o600)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind == "zero":
        return Path("/dev/zero")
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(1 << 30)
        path.chmod(0o600)
    elif kind == "link":
        (folder / "target.json").write_text(SECRET)
        path.symlink_to(folder / "target.json")
    elif kind == "folder":
        path.mkdir()
    elif kind == "relative":
        return Path("named.json")
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "secret",
        pytest.param("pipe", marks=needs_fifos),
        pytest.param("zero", marks=needs_fifos),
        "huge",
        pytest.param("link", marks=needs_symlinks),
        "folder",
        "relative",
        "missing",
    ],
)
def test_a_file_that_a_registration_names_is_refused_at_once_and_never_sent(
    client: DiscoveryClient, rogue: Rogue, tmp_path: Path, kind: str
) -> None:
    path = named_file(tmp_path, kind)
    registration = register(client, rogue.port, {"session-sharing/state-file": str(path)})
    try:
        begun = time.monotonic()
        with pytest.raises(NotPermittedError, match="not known to be yours"):
            locate(NAME, ConnectOptions(), client)
        assert time.monotonic() - begun < 5.0  # an endless or huge file is not read
    finally:
        client.unregister_service(registration)
    assert SECRET.encode() not in rogue.heard


def test_a_copy_of_the_real_registration_with_another_port_gets_no_token(
    client: DiscoveryClient, rogue: Rogue, host: SessionHost, state: StateFile
) -> None:
    registration = register(
        client, rogue.port, {"session-sharing/state-file": str(state.path)}, "100.0.0"
    )
    try:
        assert call(client, ConnectOptions()) == "NotPermittedError"
        assert call(client, ConnectOptions(token=host.authenticator.token)) == "NotPermittedError"
    finally:
        client.unregister_service(registration)
    assert not rogue.heard


def test_a_copy_of_the_real_registration_leads_to_the_real_server(
    client: DiscoveryClient, host: SessionHost, state: StateFile
) -> None:
    port = host.targets[0].rpartition(":")[2]
    registration = register(client, port, {"session-sharing/state-file": str(state.path)})
    try:
        assert call(client, ConnectOptions(), patience=30) == "connected"
    finally:
        client.unregister_service(registration)


def test_a_token_in_the_options_is_not_sent_to_a_server_without_a_state_file(
    client: DiscoveryClient, rogue: Rogue
) -> None:
    registration = register(client, rogue.port, {})
    try:
        assert call(client, ConnectOptions(token=SECRET)) == "NotPermittedError"
        assert call(client, ConnectOptions(api_key=SECRET, api_key_id="me")) == "NotPermittedError"
        assert call(client, ConnectOptions(token=SECRET, tls=True)) == "NotPermittedError"
    finally:
        client.unregister_service(registration)
    assert SECRET.encode() not in rogue.heard


@needs_users
def test_a_strangers_state_file_is_not_trusted(
    client: DiscoveryClient, rogue: Rogue, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    token = theirs / "server.token"
    token.write_text("a token")
    path = theirs / "server.json"
    path.write_text(
        f'{{"pid": 1, "targets": ["ipv4:127.0.0.1:{rogue.port}"], "token_file": "{token}"}}'
    )
    for file in (token, path, theirs):
        file.chmod(stat.S_IMODE(file.stat().st_mode) & 0o700)
        os.chown(file, NOBODY, NOBODY)
    registration = register(client, rogue.port, {"session-sharing/state-file": str(path)})
    try:
        assert call(client, ConnectOptions()) == "NotPermittedError"
    finally:
        client.unregister_service(registration)
    assert not rogue.heard


FILES = st.sampled_from(["own state", "own token", "secret", "missing", "/etc/passwd", ""])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    annotation=st.sampled_from(["session-sharing/state-file", "session-sharing/token-file", "x"]),
    named=FILES,
    version=st.sampled_from(["", "1.0.0", "99.9.9"]),
    own_token=st.booleans(),
)
def test_no_registration_makes_the_client_send_a_secret_to_a_listener_that_is_not_the_users(
    client: DiscoveryClient,
    host: SessionHost,
    state: StateFile,
    tmp_path: Path,
    annotation: str,
    named: str,
    version: str,
    own_token: bool,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    places = {"own state": state.path, "own token": state.token_path, "secret": secret}
    rogue = Rogue()
    path = str(places.get(named, named))
    registration = register(client, rogue.port, {annotation: path}, version)
    try:
        call(client, ConnectOptions(token=SECRET if own_token else ""))
    finally:
        client.unregister_service(registration)
        rogue.close()
    for word in (SECRET, host.authenticator.token, "root:"):
        assert word.encode() not in rogue.heard


@needs_unix_sockets
def test_the_client_connects_to_the_unix_socket_if_there_is_one(
    client: DiscoveryClient, tmp_path: Path
) -> None:
    """Another user's program that takes over the port never gets the token."""
    with hosted() as host:
        port = host.targets[0].rpartition(":")[2]
        state = StateFile(tmp_path / "server.json")
        state.claim()
        token = state.token_path
        token.write_text("t")
        token.chmod(0o600)
        targets = f'["ipv4:127.0.0.1:{port}", "unix:/run/s/logger"]'
        state.path.write_text(
            f'{{"pid": {os.getpid()}, "targets": {targets}, "token_file": "{token}"}}'
        )
        state.path.chmod(0o600)
        registration = register(client, port, {"session-sharing/state-file": str(state.path)})
        try:
            assert locate(NAME, ConnectOptions(), client).target == "unix:/run/s/logger"
        finally:
            client.unregister_service(registration)
            state.remove()
