"""P2 to P6 at once: the logs stay whole when clients are killed, stopped or continued at random."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from json_logger_server.storage.verify import verify
from logger_process import LoggerProcess
from processes import eventually
from session_sharing.client import connect
from session_sharing.v1 import lifecycle_pb2 as pb

CLIENT = str(Path(__file__).parent / "support" / "chaotic_client.py")


class Chaos:
    """Clients of one logger that are killed, stopped and continued."""

    def __init__(self, logger: LoggerProcess, seed: int) -> None:
        self._logger = logger
        self._choose = random.Random(seed)
        self._clients = [self._start() for _ in range(4)]

    def happen(self) -> None:
        """Disturb one client, or start another one."""
        victim = self._choose.choice(self._clients)
        what = self._choose.choice(["start", "start", "kill", "stop", "wake", "freeze the server"])
        if what == "start":
            self._clients.append(self._start())
        elif what == "kill" and len(self._clients) > 1:
            self._clients.remove(victim)
            victim.kill()
            victim.communicate()
        elif what == "stop":
            psutil.Process(victim.pid).suspend()
        elif what == "wake":
            for client in self._clients:
                psutil.Process(client.pid).resume()
        elif what == "freeze the server":
            server = psutil.Process(self._logger.pid)
            server.suspend()
            time.sleep(self._choose.uniform(0.1, 1.5))
            server.resume()

    def end(self) -> list[str]:
        """Let all clients leave.

        Returns:
            Their errors that are not a `SessionSharingError`.
        """
        for client in self._clients:
            psutil.Process(client.pid).resume()
        said = [client.communicate()[1] for client in self._clients]
        return [text for text in said if "Traceback" in text]

    def _start(self) -> subprocess.Popen[str]:
        seed = str(self._choose.randrange(1 << 30))
        command = [sys.executable, CLIENT, str(self._logger.state_file), seed]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def _attachments(logger: LoggerProcess) -> int:
    with connect(logger.connect(presence=False)) as connection:
        found = connection.lifecycle.ListSessions(pb.ListSessionsRequest())
    return sum(len(session.attachments) for session in found.sessions)


def logs_of(logger: LoggerProcess) -> list[Path]:
    return sorted(logger.folder.glob("*.ndjson"))


@pytest.mark.parametrize(
    "things", [10, pytest.param(150, marks=[pytest.mark.soak, pytest.mark.timeout(600)])]
)
def test_logs_stay_whole_and_nothing_stays_held_through_random_failures(
    own_logger: LoggerProcess, things: int
) -> None:
    chaos = Chaos(own_logger, seed=things)
    eventually(lambda: any(log.stat().st_size for log in logs_of(own_logger)), within=60)
    for _ in range(things):
        time.sleep(0.3)  # for the clients to live meanwhile; nothing is waited for
        chaos.happen()

    assert chaos.end() == []
    eventually(lambda: _attachments(own_logger) == 0, within=60)
    assert own_logger.terminate() == 0
    logs = logs_of(own_logger)
    assert [verify(log).problem for log in logs] == [None] * len(logs)
    assert sum(verify(log).records for log in logs) > 0
    assert "Traceback" not in (own_logger.folder / "server.err").read_text()
