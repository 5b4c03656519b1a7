"""T37, T39: connections with other hosts use TLS, with client certificates if the server asks.

These tests use TLS over loopback. A client decides by the name alone whether a host is another one,
so the tests need no network.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
from hosting import hosted
from session_sharing import InvalidArgumentError, NotAuthenticatedError
from session_sharing.client import ConnectOptions, ServerUnavailableError, connect
from session_sharing.server import HostOptions, SessionHost, TcpListener, TlsFiles

SERVER_NAME = "station.example"


class Certificates:
    """An authority, and the PEM files it signs."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.authority = trustme.CA()
        self._folder = folder / name
        self._folder.mkdir()
        self.root = self._folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.root))

    def issue(
        self, name: str, common_name: str | None = None, *, expired: bool = False
    ) -> tuple[Path, Path]:
        until = datetime.now(timezone.utc) - timedelta(days=1) if expired else None
        issued = self.authority.issue_cert(name, common_name=common_name, not_after=until)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key


@pytest.fixture
def own(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def mutual(own: Certificates) -> Iterator[SessionHost]:
    certificate, key = own.issue(SERVER_NAME)
    tls = TlsFiles(certificate, key, client_authority=own.root)
    options = HostOptions(listeners=(TcpListener("127.0.0.1", tls=True),), tls=tls)
    with hosted(options) as host:
        yield host


def client(host: SessionHost, own: Certificates, **more: object) -> ConnectOptions:
    options = ConnectOptions(
        host.targets[0], root_certificates=own.root, authority=SERVER_NAME, timeout=3.0, attempts=1
    )
    return replace(options, **more)  # type: ignore[arg-type]


def test_a_clients_certificate_is_its_identity(mutual: SessionHost, own: Certificates) -> None:
    certificate, key = own.issue("client.example", "tester")
    options = client(mutual, own, certificate=certificate, certificate_key=key)

    assert connect(options).is_connected()


def test_a_client_without_a_certificate_of_the_authority_is_refused(
    mutual: SessionHost, own: Certificates, tmp_path: Path
) -> None:
    foreign = Certificates(tmp_path, "other")
    certificate, key = foreign.issue("client.example", "tester")

    with pytest.raises(ServerUnavailableError):
        connect(client(mutual, own))
    with pytest.raises(ServerUnavailableError):
        connect(client(mutual, own, certificate=certificate, certificate_key=key))


def test_an_expired_certificate_of_server_or_client_is_refused(
    mutual: SessionHost, own: Certificates
) -> None:
    certificate, key = own.issue("client.example", "tester", expired=True)
    with pytest.raises(ServerUnavailableError):
        connect(client(mutual, own, certificate=certificate, certificate_key=key))

    tls = TlsFiles(*own.issue(SERVER_NAME, expired=True))
    options = HostOptions(listeners=(TcpListener("127.0.0.1", tls=True),), tls=tls)
    with hosted(options) as host, pytest.raises(ServerUnavailableError):
        connect(client(host, own, token=host.authenticator.token))


def test_tls_older_than_1_2_is_refused(mutual: SessionHost) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    address = ("127.0.0.1", int(mutual.targets[0].rpartition(":")[2]))
    with (
        socket.create_connection(address, timeout=5) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
        context.wrap_socket(plain),
    ):
        pass


def test_a_client_refuses_a_server_with_a_wrong_name_or_authority(
    mutual: SessionHost, own: Certificates, tmp_path: Path
) -> None:
    certificate, key = own.issue("client.example", "tester")
    mine = client(mutual, own, certificate=certificate, certificate_key=key)

    with pytest.raises(ServerUnavailableError):
        connect(replace(mine, authority="other.example"))
    with pytest.raises(ServerUnavailableError):
        connect(replace(mine, root_certificates=Certificates(tmp_path, "other").root))


def test_a_plain_text_client_gets_nothing_from_a_tls_port(mutual: SessionHost) -> None:
    with pytest.raises(ServerUnavailableError):
        connect(ConnectOptions(mutual.targets[0], timeout=3.0, attempts=1))


def test_without_client_certificates_a_token_is_needed(own: Certificates) -> None:
    certificate, key = own.issue(SERVER_NAME)
    tls = TlsFiles(certificate, key)
    options = HostOptions(listeners=(TcpListener("127.0.0.1", tls=True),), tls=tls)
    with hosted(options) as host:
        with pytest.raises(NotAuthenticatedError):
            connect(client(host, own))
        assert connect(client(host, own, token=host.authenticator.token)).is_connected()


def test_a_client_that_expects_tls_refuses_a_server_without_it(own: Certificates) -> None:
    with hosted() as plain, pytest.raises(ServerUnavailableError):
        connect(client(plain, own))


@pytest.mark.parametrize(
    "credentials",
    [{"token": "t"}, {"api_key": "k", "api_key_id": "i"}, {"certificate": Path("c.pem")}],
)
def test_credentials_are_never_sent_without_tls(credentials: dict[str, str]) -> None:
    options = ConnectOptions("station.example:443", insecure=True, **credentials)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="never sent"):
        connect(options)


def test_an_anonymous_server_does_not_reach_beyond_this_host(own: Certificates) -> None:
    certificate, key = own.issue(SERVER_NAME)
    options = HostOptions(
        listeners=(TcpListener("0.0.0.0"),),
        network=True,
        tls=TlsFiles(certificate, key),
        anonymous=True,
    )
    with (
        pytest.raises(InvalidArgumentError, match="an anonymous server asks for no token"),
        hosted(options),
    ):
        pass
