"""T42: a client that is let in and wants everything costs the others nothing that matters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from json_logger_client import (
    ConnectOptions,
    InitializationBehavior,
    JsonLoggerClient,
)
from logger_process import LoggerProcess
from session_sharing.client import connect
from session_sharing.core.errors import LimitExceededError

LIMITED = str(Path(__file__).parents[1] / "support" / "limited_logger.py")
THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
KEYS = {"greedy": "g" * 32, "honest": "h" * 32}

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")


def with_keys(folder: Path) -> str:
    """Write the keys of two identities; give the option that names them."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps(KEYS))
    keys.chmod(0o600)
    return f"--api-keys={keys}"


def options_of(logger: LoggerProcess, who: str) -> ConnectOptions:
    return ConnectOptions(logger.target).with_api_key(KEYS[who], who)


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[LoggerProcess]:
    """A logger for three identities that has room for 64 sessions."""
    with LoggerProcess(tmp_path, with_keys(tmp_path), program=(LIMITED, "NOFILE=320")) as logger:
        yield logger


def open_many(logger: LoggerProcess, who: str, *, stay: bool) -> list[JsonLoggerClient]:
    """Open logs until it is refused, 1000 at the most, and leave each at once or stay."""
    held = []
    connection = connect(options_of(logger, who))
    for number in range(1000):
        try:
            log = JsonLoggerClient(f"{who}{number}.log", THEN_DETACH, connect=connection)
        except LimitExceededError:
            break
        if stay:
            held.append(log)
        else:
            log.detach()
    return held


@pytest.mark.parametrize("stay", [True, False])
def test_one_identity_cannot_keep_all_sessions_from_others(
    stay: bool, few_files: LoggerProcess
) -> None:
    held = open_many(few_files, "greedy", stay=stay)
    for number in range(8):
        with JsonLoggerClient(f"{number}.log", connect=options_of(few_files, "honest")) as log:
            assert log.log_data("m", {}, {}) == 1
    assert len(held) == (32 if stay else 0)
