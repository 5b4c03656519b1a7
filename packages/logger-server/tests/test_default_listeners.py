"""The addresses at which `json-logger serve` listens by default."""

from __future__ import annotations

from pathlib import Path

import pytest
from capabilities import needs_unix_sockets
from session_sharing.cli.serving import default_listeners
from session_sharing.server import TcpListener, UnixListener

pytestmark = needs_unix_sockets
TCP = TcpListener("127.0.0.1")


def test_it_is_a_port_of_this_host_and_a_socket_beside_the_state_file() -> None:
    state = Path("/run/user/1000/session-sharing/json-logger.json")

    assert default_listeners(state, "json-logger") == (
        TCP,
        UnixListener(state.with_suffix(".socket") / "json-logger"),
    )


def test_with_a_socket_path_that_is_too_long_the_server_listens_on_the_port_only_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = Path("/run") / ("x" * 90) / "json-logger.json"

    assert default_listeners(state, "json-logger") == (TCP,)
    assert "on TCP only" in capsys.readouterr().err
