"""Identities that take what they can, one after the other: `greedy_identities.py TARGET KEYS`.

Each opens sessions and leaves them, fills its share of request streams and of turns to be read, and
sends the largest message that is taken, and one that is not. It prints `done COUNT` at the end.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
from json_logger_client import ConnectOptions, InitializationBehavior, JsonLoggerClient
from session_sharing.client import connect
from session_sharing.core.errors import SessionSharingError

APPEND = "/json_logger_ext.v1.JsonLoggerExt/Append"
LIST = "/session_sharing.v1.SessionLifecycle/ListSessions"
THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
target, keys = sys.argv[1:]
over = threading.Event()


def nothing() -> Iterator[bytes]:
    over.wait()
    yield from ()


def be_greedy(number: int, name: str, key: str) -> None:
    with connect(ConnectOptions(target).with_api_key(key, name)) as connection:
        channel = connection.channel
        half_done = [channel.stream_unary(LIST).future(nothing()) for _ in range(4)]
        try:
            for turn in range(3):
                JsonLoggerClient(f"{number}-{turn}.log", THEN_DETACH, connect=connection).detach()
        except SessionSharingError:
            pass
        for size in (4 << 20) - 100, 60 << 20 if number % 50 == 0 else 5 << 20:
            try:
                channel.unary_unary(APPEND)(bytes(size), timeout=20)
            except grpc.RpcError:
                pass
        for call in half_done:
            call.cancel()


print("ready", flush=True)
sys.stdin.readline()
count = 0
for count, (name, key) in enumerate(json.loads(Path(keys).read_text()).items(), 1):
    be_greedy(count, name, key)
over.set()
print("done", count, flush=True)
