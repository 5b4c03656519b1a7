"""A server publishes the targets that clients need to reach it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from hosting import hosted
from session_sharing.client import ConnectOptions, connect
from session_sharing.server import HostOptions, Listener, StateFile, TcpListener, TlsFiles

PLAIN, TLS = TcpListener("127.0.0.1"), TcpListener("127.0.0.1", tls=True)


@pytest.mark.parametrize(
    ("listeners", "speaks_tls"), [((TLS,), True), ((TLS, PLAIN), False), ((PLAIN, TLS), False)]
)
def test_a_state_file_lists_ports_without_tls_first_and_marks_those_with_tls(
    tmp_path: Path, listeners: tuple[Listener, ...], speaks_tls: bool
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    files = TlsFiles(tmp_path / "server.pem", tmp_path / "server.key")
    issued.cert_chain_pems[0].write_to_path(str(files.certificate))
    issued.private_key_pem.write_to_path(str(files.key))
    root = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(root))

    state = StateFile(tmp_path / "state" / "server.json")
    state.claim()
    with hosted(HostOptions(listeners=listeners, tls=files)) as host:
        state.publish(host)
        options = ConnectOptions.from_state_file(state.path)
        assert options.tls is speaks_tls
        if speaks_tls:
            options = replace(options, root_certificates=root)
        with connect(options) as connection:
            assert connection.is_connected()
    state.remove()
