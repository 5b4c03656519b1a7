"""Identities that use up every limit, one after the other: `greedy_identities.py TARGET KEYS`.

Each of them leaves sessions open, lets requests wait, and sends messages of the largest accepted
size; some send larger ones. The program prints `done COUNT` at the end.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
from json_logger_client import ConnectOptions, InitializationBehavior, JsonLoggerClient
from session_sharing.client import SessionSharingError, connect

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
        with contextlib.suppress(SessionSharingError):
            for turn in range(3):
                JsonLoggerClient(
                    f"{number}-{turn}.log", THEN_DETACH, connection=connection
                ).detach()
        sizes = [(4 << 20) - 100] * 3 + ([60 << 20] if number % 50 == 0 else [])
        for size in sizes:
            with contextlib.suppress(grpc.RpcError):
                channel.unary_unary(APPEND)(bytes(size), timeout=20)
        for call in half_done:
            call.cancel()


print("ready", flush=True)
sys.stdin.readline()
count = 0
for count, (name, key) in enumerate(json.loads(Path(keys).read_text()).items(), 1):
    be_greedy(count, name, key)
over.set()
print("done", count, flush=True)
