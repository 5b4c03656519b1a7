"""A client that is interrupted at random moments: `interrupted_client.py STATE MODE N SEED`.

Each round uses the log in one way, is interrupted, and continues. At the end, the program prints a
line of JSON: the records that the log acknowledged (`sure`), the records that it may have taken
(`tried`), and the unexpected errors. With the mode `keyboard`, the interrupts are real SIGINTs. The
parent process sends them after each line `round`, by `press_ctrl_c`.
"""

from __future__ import annotations

import faulthandler
import json
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from interrupts import INTERRUPT, interrupt_after, interrupt_no_more, listen_for_ctrl_c
from json_logger_client import (
    ClosePolicy,
    ConnectOptions,
    JsonLoggerClient,
    SessionOptions,
    StreamOptions,
)
from session_sharing.client import Connection
from session_sharing.v1 import lifecycle_pb2 as pb

CALLS_A_ROUND = 3
RECORDS_A_ROUND = 200


class LateError(Exception):
    """The error that the signal handler raises, like that of pytest-timeout or Ctrl-C."""


@dataclass
class Outcome:
    """The answers of the log to this program."""

    sure: list[int] = field(default_factory=list)
    tried: int = 0
    interrupted: int = 0
    errors: list[str] = field(default_factory=list)
    left_open: int = 0
    """Attachments on the shared connection that were not ended."""


def raise_late(*_: object) -> None:
    raise LateError


def calls(log: JsonLoggerClient, outcome: Outcome) -> None:
    """Log by calls. Every returned number must be a line."""
    for _ in range(CALLS_A_ROUND):
        number = outcome.tried
        outcome.tried += 1
        log.log_data("m", {}, {"i": number})
        outcome.sure.append(number)


def stream(log: JsonLoggerClient, outcome: Outcome) -> None:
    """Log by a stream that the interrupt leaves. Every record that it took must be a line."""
    with log.stream(StreamOptions(max_batch_records=20)) as records:
        for _ in range(RECORDS_A_ROUND):
            number = outcome.tried
            outcome.tried += 1
            records.log("m", {}, {"i": number})
            outcome.sure.append(number)


def attachments_to(connection: Connection, file: str) -> int:
    """Return the number of attachments to a log, after the ending ones have ended."""
    deadline = time.monotonic() + 10
    while True:
        answer = connection.call(connection.lifecycle.ListSessions, pb.ListSessionsRequest())
        found = sum(len(info.attachments) for info in answer.sessions if info.resource == file)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def rounds(work: Callable[[], None], count: int, seconds: float, outcome: Outcome) -> None:
    """Do some work, interrupted at a random moment each time."""
    for _ in range(count):
        try:
            try:
                interrupt_after(random.uniform(1e-6, seconds))
                work()
            finally:
                interrupt_no_more()
        except LateError:
            outcome.interrupted += 1
        except Exception as error:
            outcome.errors.append(f"{type(error).__name__}: {error}")


def keyboard_rounds(log: JsonLoggerClient, count: int, outcome: Outcome) -> None:
    """Log until Ctrl-C, again and again."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    listen_for_ctrl_c()
    for number in range(count):
        try:
            print("round", flush=True)
            for _ in range(1000):
                stream(log, outcome) if number % 2 else calls(log, outcome)
        except KeyboardInterrupt:
            outcome.interrupted += 1
        except Exception as error:
            outcome.errors.append(f"{type(error).__name__}: {error}")


def main(state_file: str, mode: str, count: int, seed: int) -> None:
    faulthandler.dump_traceback_later(600, exit=True)
    random.seed(seed)
    signal.signal(INTERRUPT, raise_late)
    connect = ConnectOptions.from_state_file(Path(state_file))
    together = SessionOptions(close_policy=ClosePolicy.WITH_LAST_ATTACHMENT)
    outcome = Outcome()
    file = f"{mode}.ndjson"

    def open_and_leave() -> None:
        with JsonLoggerClient("opened.ndjson", connection=connect, options=together) as other:
            calls(other, Outcome())

    shared = Connection(connect)

    def open_on_shared_connection() -> None:
        JsonLoggerClient("shared.ndjson", connection=shared).detach()

    with JsonLoggerClient(file, connection=connect) as log:
        if mode == "calls":
            rounds(lambda: calls(log, outcome), count, 2e-3, outcome)
        elif mode == "stream":
            rounds(lambda: stream(log, outcome), count, 8e-3, outcome)
        elif mode == "open":
            rounds(open_and_leave, count, 15e-3, outcome)
        elif mode == "shared":
            rounds(open_on_shared_connection, count, 6e-3, outcome)
        else:
            keyboard_rounds(log, count, outcome)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        outcome.left_open = attachments_to(shared, "shared.ndjson")
        shared.close()
        with JsonLoggerClient("opened.ndjson", connection=connect, options=together) as last:
            last.log_data("the last", {}, {})
    print(json.dumps(outcome.__dict__), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
