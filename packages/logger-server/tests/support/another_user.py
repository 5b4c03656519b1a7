"""Try what another user of this host can do: `another_user.py UID TARGET SOCKET FILE...`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
from session_sharing.v1 import lifecycle_pb2, lifecycle_pb2_grpc

uid, target, unix_socket, *files = sys.argv[1:]
os.setgroups([])
os.setgid(int(uid))
os.setuid(int(uid))


def attempt(what: str, how: Callable[[], object]) -> None:
    try:
        how()
    except OSError as error:
        print(f"{what}: {error.strerror}")
    except grpc.RpcError as error:
        print(f"{what}: {error.code().name}")
    else:
        print(f"{what}: done")


for file in map(Path, files):
    attempt(f"read {file.suffix}", file.read_bytes)
    attempt(f"remove {file.suffix}", file.unlink)
attempt("connect", lambda: socket.socket(socket.AF_UNIX).connect(unix_socket))
with grpc.insecure_channel(target) as channel:
    stub = lifecycle_pb2_grpc.SessionLifecycleStub(channel)
    attempt("call", lambda: stub.ListSessions(lifecycle_pb2.ListSessionsRequest(), timeout=60))
