"""T35: another user of the host, with a shell, gets nothing from a logger."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from as_user import needs_users
from logger_process import LoggerProcess

pytestmark = needs_users
SCRIPT = str(Path(__file__).parents[1] / "support" / "another_user.py")
NOBODY = "65534"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can read, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_another_user_reaches_neither_socket_nor_token_even_under_an_open_umask(
    open_folder: Path,
) -> None:
    unix_socket = open_folder / "s" / "logger"
    before = os.umask(0)
    try:
        logger = LoggerProcess(open_folder, f"--listen=unix:{unix_socket}")
    finally:
        os.umask(before)
    with logger:
        files = [str(logger.state_file), logger.state["token_file"]]
        command = [sys.executable, SCRIPT, NOBODY, logger.target, str(unix_socket), *files]
        tried = subprocess.run(command, capture_output=True, text=True, check=True)
        with logger.client("a.log") as log:
            log.log_data("undisturbed", {}, {})

    assert tried.stdout.splitlines() == [
        "read .json: Permission denied",
        "remove .json: Permission denied",
        "read .token: Permission denied",
        "remove .token: Permission denied",
        "connect: Permission denied",
        "call: UNAUTHENTICATED",
    ]
