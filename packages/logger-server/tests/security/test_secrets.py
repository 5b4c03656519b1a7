"""T43: no token is in arguments, environments, logs or files that others can read."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import psutil
import pytest
from capabilities import HAS_MODES
from json_logger_client import ConnectOptions, InitializationBehavior, JsonLoggerClient
from logger_process import LoggerProcess
from session_sharing.client import NotAuthenticatedError, NotPermittedError, connect
from session_sharing.places import write_private

ATTACH_THEN_CLOSE = InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE


def test_the_token_is_in_one_file_of_the_servers_user_and_nowhere_else(tmp_path: Path) -> None:
    audit = tmp_path / "audit.ndjson"
    with LoggerProcess(tmp_path, f"--audit={audit}", "--log-format=json") as logger:
        token = logger.token
        process = psutil.Process(logger.pid)
        with logger.client("a.log") as log:
            log.log_data("m", {}, {})
        with pytest.raises(NotAuthenticatedError):
            connect(logger.connect().with_api_key("s3cret-guess", "id"))

        token_file = Path(logger.state["token_file"])
        if HAS_MODES:
            assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
            assert stat.S_IMODE(logger.state_file.stat().st_mode) == 0o600
        assert token not in " ".join(process.cmdline())
        assert token not in str(process.environ())
        for file in tmp_path.rglob("*"):
            if file.is_file() and file != token_file:
                content = file.read_bytes()
                assert token.encode() not in content, file
                assert b"s3cret-guess" not in content, file
        assert logger.terminate() == 0
    assert not token_file.exists()


def test_the_audit_trail_says_who_did_what_and_who_was_refused(tmp_path: Path) -> None:
    audit = tmp_path / "audit.ndjson"
    with LoggerProcess(tmp_path, f"--audit={audit}") as logger:
        with logger.client("a.log", label="station 7"):
            pass
        stranger = logger.connect().with_api_key("wrong", "id")
        with pytest.raises(NotAuthenticatedError):
            connect(stranger)
        assert logger.terminate() == 0

    lines = audit.read_text().splitlines()
    assert any('"event": "OPENED"' in line and "station 7" in line for line in lines)
    assert any('"event": "CLOSED"' in line for line in lines)
    assert any('"event": "REFUSED"' in line for line in lines)


def test_the_audit_trail_names_the_identity_that_was_refused(tmp_path: Path) -> None:
    audit, keys = tmp_path / "audit.ndjson", tmp_path / "keys.json"
    write_private(keys, json.dumps({"owner": "o" * 32, "other": "x" * 32}))
    with LoggerProcess(tmp_path, f"--audit={audit}", f"--api-keys={keys}") as logger:
        by_key = ConnectOptions(logger.target).with_api_key
        with (
            JsonLoggerClient("a.log", connection=by_key("o" * 32, "owner")),
            connect(by_key("x" * 32, "other")) as others,
            pytest.raises(NotPermittedError),
        ):
            JsonLoggerClient("a.log", ATTACH_THEN_CLOSE, connection=others).close()
        assert logger.terminate() == 0

    events = [json.loads(line) for line in audit.read_text().splitlines()]
    refused = [event["principal"] for event in events if event["event"] == "REFUSED"]
    assert refused == ["key:other"]


def test_an_anonymous_server_warns_at_its_start(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, "--anonymous"):
        pass
    assert "Every user of this host can write" in (tmp_path / "server.err").read_text()
