"""A user without a home and without an entry in the list of users, as in many containers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from as_user import needs_users

NOBODY = "12345"
SETPRIV = shutil.which("setpriv")

pytestmark = [
    needs_users,
    pytest.mark.skipif(SETPRIV is None, reason="no setpriv, which makes such a user"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, int(NOBODY), int(NOBODY))
        yield Path(name)


def command(*arguments: str) -> list[str]:
    """Run `json-logger` as that user, who may read every file, because Python can be anywhere."""
    assert SETPRIV is not None
    ids = [SETPRIV, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [*ids, *reading, sys.executable, "-m", "json_logger_server", *arguments]


def test_the_logger_serves_a_user_without_a_home_from_the_current_folder(folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    state = "--state-file=state/logger.json"
    serve = command("serve", "--no-discovery", "--listen=tcp:127.0.0.1:0", state)
    with subprocess.Popen(
        serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            assert b"ready" in server.stdout.readline()
            for verb in ("ls", "doctor"):
                done = subprocess.run(
                    command(verb, state), capture_output=True, cwd=folder, env=environment
                )
                assert b"Traceback" not in done.stderr, done.stderr.decode()
            (folder / "a.ndjson").write_text('{"timestamp": "2026-01-31T12:00:00Z"}\n')
            tail = command("tail", "a.ndjson", state)
            done = subprocess.run(tail, capture_output=True, cwd=folder, env=environment)
            assert done.stdout.startswith(b'{"timestamp"'), done.stderr.decode()
        finally:
            server.send_signal(signal.SIGTERM)
    assert not (folder / "~").exists()
