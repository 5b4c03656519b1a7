"""T38: other hosts can connect only with `--network`, by TLS, and with an identity."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from logger_process import LoggerProcess
from processes import listening_addresses
from session_sharing.client import NotAuthenticatedError, ServerUnavailableError, connect

EVERYWHERE = "0.0.0.0"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a server's certificate and of its authority."""
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "server.pem")
    issued.private_key_pem.write_to_path(folder / "server.key")
    return folder


def tls(folder: Path) -> tuple[str, str]:
    return f"--tls-certificate={folder}/server.pem", f"--tls-key={folder}/server.key"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((f"--listen=tcp:{EVERYWHERE}:0",), "TLS"),
        ((f"--listen=tcp:{EVERYWHERE}:0", "--network"), "TLS"),
        ((f"--listen=tls:{EVERYWHERE}:0",), "certificate"),
        ((f"--listen=tls:{EVERYWHERE}:0", "TLS"), "--network"),
        ((f"--listen=tls:{EVERYWHERE}:0", "TLS", "--network", "--anonymous"), "asks for no token"),
    ],
)
def test_a_server_that_other_hosts_could_reach_does_not_start_without_protection(
    options: tuple[str, ...], says: str, tmp_path: Path, certificate: Path
) -> None:
    given: list[str] = []
    for option in options:
        given += tls(certificate) if option == "TLS" else (option,)
    command = [sys.executable, "-m", "json_logger_server", "serve", "--no-discovery", *given]
    places = [f"--state-file={tmp_path}/state/logger.json", f"--log-root={tmp_path}"]
    refused = subprocess.run(
        [*command, *places], capture_output=True, text=True, check=False, timeout=120
    )

    assert refused.returncode == 1
    assert says in refused.stderr and "Traceback" not in refused.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_server_that_other_hosts_can_reach_uses_tls_and_requires_a_token(
    tmp_path: Path, certificate: Path
) -> None:
    listen = f"--listen=tls:{EVERYWHERE}:0"
    with LoggerProcess(tmp_path, listen, "--network", *tls(certificate)) as logger:
        target = next(t for t in logger.state["targets"] if t != logger.target)
        port = target.rpartition(":")[2]
        options = replace(
            logger.connect(),
            target=f"127.0.0.1:{port}",
            root_certificates=certificate / "ca.pem",
            authority="localhost",
        )
        with connect(options) as connection:
            assert connection.is_connected()
        with pytest.raises(NotAuthenticatedError):
            connect(replace(options, token=""))
        with pytest.raises(ServerUnavailableError):
            connect(replace(options, root_certificates=None, token="", timeout=3.0, attempts=1))


def test_by_default_the_server_listens_on_this_machine_alone(tmp_path: Path) -> None:
    places = [f"--state-file={tmp_path}/state/logger.json", f"--log-root={tmp_path}"]
    command = [sys.executable, "-m", "json_logger_server", "serve", "--no-discovery", *places]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert "ready" in server.stdout.readline()
            targets = json.loads((tmp_path / "state" / "logger.json").read_text())["targets"]
            ports = [int(t.rpartition(":")[2]) for t in targets if not t.startswith("unix:")]
            assert listening_addresses(server.pid, *ports) == ["127.0.0.1"]
        finally:
            server.kill()
