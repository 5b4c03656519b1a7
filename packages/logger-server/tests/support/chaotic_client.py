"""A client that opens, logs and leaves in every way until its standard input ends.

`chaotic_client.py STATE_FILE SEED`: prints every error that is not a `SessionSharingError`.
"""

from __future__ import annotations

import random
import sys
import threading
from dataclasses import replace
from pathlib import Path

from json_logger_client import (
    ConnectOptions,
    InitializationBehavior,
    JsonLoggerClient,
    SessionOptions,
)
from session_sharing import ClosePolicy, SessionSharingError


def live_once(choose: random.Random, connect: ConnectOptions) -> None:
    options = SessionOptions(
        choose.choice(list(InitializationBehavior)),
        close_policy=choose.choice(list(ClosePolicy)),
        reclaim=choose.random() < 0.3,
    )
    file = f"{choose.randrange(3)}.ndjson"
    with JsonLoggerClient(file, options.behavior, connection=connect, options=options) as log:
        for number in range(choose.randrange(30)):
            log.log_data("one", {}, {"n": number})
        if choose.random() < 0.5:
            with log.stream() as stream:
                for number in range(choose.randrange(300)):
                    stream.log("streamed", {}, {"n": number})
        if choose.random() < 0.2:
            log.close()


def main(state_file: str, seed: str) -> None:
    connect = replace(ConnectOptions.from_state_file(Path(state_file)), timeout=3.0)
    choose = random.Random(int(seed))
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        try:
            live_once(choose, connect)
        except SessionSharingError:
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
