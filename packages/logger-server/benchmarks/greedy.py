"""Measure how much greedy identities slow down another identity."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

from json_logger_client import ConnectOptions, JsonLoggerClient
from servers import OurServer

_GREEDY = Path(__file__).parents[1] / "tests" / "support" / "greedy_identities.py"


def beside_greedy_identities(folder: Path, count: int, rounds: int) -> tuple[float, float]:
    """Log while greedy identities use another server, and while they use the same one.

    Each identity leaves sessions open, lets requests wait and sends the largest messages. They use
    the same share of the machine in both cases, so that the ratio shows the effect in the server.

    Args:
        folder: A new folder for both servers.
        count: Greedy identities.
        rounds: How often both cases are measured, in turn.

    Returns:
        p99 of both, in seconds.
    """
    folder.mkdir()
    theirs = {f"greedy{number}": secrets.token_hex(16) for number in range(count)}
    own = secrets.token_hex(16)
    keys, their_keys = folder / "keys.json", folder / "theirs.json"
    keys.write_text(json.dumps({**theirs, "honest": own}))
    keys.chmod(0o600)
    their_keys.write_text(json.dumps(theirs))
    access = f"--api-keys={keys}"
    with (
        OurServer(folder / "same", "flushed", access) as same,
        OurServer(folder / "other", "flushed", access) as other,
    ):
        options = ConnectOptions(same.target).with_api_key(own, "honest")
        with JsonLoggerClient("honest.ndjson", connection=options) as log:
            apart: list[float] = []
            together: list[float] = []
            for _ in range(rounds):
                apart += _log_meanwhile(log, other, their_keys)
                together += _log_meanwhile(log, same, their_keys)
    return _p99(apart), _p99(together)


def _log_meanwhile(log: JsonLoggerClient, server: OurServer, keys: Path) -> list[float]:
    """Log until all greedy identities have used a server; return the seconds of each record."""
    took = []
    command = [sys.executable, str(_GREEDY), server.target, str(keys)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as greedy:
        assert greedy.stdin is not None and greedy.stdout is not None
        greedy.stdout.readline()
        print("go", file=greedy.stdin, flush=True)
        finished = threading.Thread(target=greedy.stdout.readline)
        finished.start()
        while finished.is_alive():
            started = time.perf_counter()
            log.log_data("m", {}, {"n": 1})
            took.append(time.perf_counter() - started)
    return took


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 99 // 100]
