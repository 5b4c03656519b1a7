"""P9: no password in a URL, and no other host without proof of who answers there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg.conninfo
import pytest
from json_logger_server.store import StoreAwayError, parse_address
from json_logger_server.store.statements import Statements
from session_sharing import InvalidArgumentError
from store_database import StoreDatabase

VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE")


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://station7:s3cret@db.example/records",
        "postgresql://station7@db.example/records?password=s3cret",
        "host=db.example password=s3cret",
        "postgresql://station7@db.example/records?sslpassword=s3cret",
        "postgresql://station7:s3cret@db.example:not-a-port:/records?x",
        "postgresql://station7:s3cret@[::1/records",
    ],
)
def test_a_url_with_a_password_is_refused_and_never_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        parse_address(url)
    assert "s3cret" not in str(refused.value)
    command = [sys.executable, "-m", "json_logger_server", "serve", f"--store={url}"]
    ended = subprocess.run(
        [*command, f"--log-root={tmp_path}", f"--state-file={tmp_path / 'state.json'}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode != 0
    assert "s3cret" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://station7@db.example/records",
        "postgresql://station7@127.0.0.1,db.example/records",
        "postgresql://station7@localhost/records?hostaddr=192.0.2.7",
        "service=records",
    ],
)
def test_another_host_must_prove_who_it_is(url: str) -> None:
    assert _mode(url) == "verify-full"
    weaker = url + ("&" if "?" in url else "?" if "//" in url else " ") + "sslmode=require"
    with pytest.raises(InvalidArgumentError, match="sslmode=require does not check"):
        parse_address(weaker)
    assert "sslmode=require" in parse_address(weaker, insecure=True).conninfo
    assert _mode(url, insecure=True) is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://station7@127.0.0.1:5433/records",
        "postgresql://station7@localhost/records",
        "postgresql://station7@[::1]/records",
        "postgresql:///records?host=/run/postgresql",
        "postgresql:///records",
    ],
)
def test_this_host_needs_no_certificate(url: str) -> None:
    assert _mode(url) is None


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE"])
def test_a_host_that_the_environment_names_must_prove_who_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "db.example")
    assert _mode("postgresql:///records") == "verify-full"


def test_a_server_without_tls_is_refused_where_tls_is_demanded(database: StoreDatabase) -> None:
    address = parse_address(database.url() + "?sslmode=verify-full")
    with pytest.raises(StoreAwayError, match="SSL"):
        Statements(address)


def test_a_logger_without_psycopg_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from json_logger_server.cli import main\n"
        "main(['serve', '--store=postgresql:///records'])"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert ended.returncode != 0
    assert "json-logger-server[postgresql]" in ended.stderr


def _mode(url: str, *, insecure: bool = False) -> object:
    found = psycopg.conninfo.conninfo_to_dict(parse_address(url, insecure=insecure).conninfo)
    return found.get("sslmode")
