"""P9: a store on another host proves by TLS that it is the host of the URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from json_logger_server.store import StoreAwayError, parse_address
from json_logger_server.store.statements import Statements
from postgres_server import PostgresServer, SystemBinaries
from store_database import STATION, StoreDatabase

HOST = "db.example"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def database(authority: trustme.CA) -> Iterator[StoreDatabase]:
    """A store on a server that has a certificate for its host."""
    binaries = SystemBinaries()
    try:
        server = PostgresServer(binaries, settings={"ssl": "on"})
        certificate = authority.issue_cert(HOST)
        certificate.private_key_pem.write_to_path(server.data / "server.key")
        certificate.cert_chain_pems[0].write_to_path(server.data / "server.crt")
        (server.data / "server.key").chmod(0o600)
        binaries.give_away(server.data)
        with server:
            yield StoreDatabase(server)
    finally:
        binaries.remove()


def url(database: StoreDatabase, host: str, root: Path) -> str:
    """Return the URL of the store as it is for another host."""
    port = database.server.port
    return (
        f"postgresql://{STATION}@{host}:{port}/{database.name}?hostaddr=127.0.0.1"
        f"&sslmode=verify-full&sslrootcert={root}"
    )


def test_the_right_host_is_believed(
    database: StoreDatabase, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    with closing(Statements(parse_address(url(database, HOST, tmp_path / "root.pem")))) as store:
        assert store.rows("select ssl from pg_stat_ssl where pid = pg_backend_pid()") == [
            {"ssl": True}
        ]


def test_another_host_is_refused(
    database: StoreDatabase, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    with pytest.raises(StoreAwayError, match="does not match host name"):
        Statements(parse_address(url(database, "other.example", tmp_path / "root.pem")))


def test_a_certificate_of_another_authority_is_refused(
    database: StoreDatabase, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "root.pem")
    with pytest.raises(StoreAwayError, match="certificate verify failed"):
        Statements(parse_address(url(database, HOST, tmp_path / "root.pem")))
