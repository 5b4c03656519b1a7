"""Run a client that obeys the lines of its standard input and prints the results."""

from __future__ import annotations

import ctypes
import sys

from session_sharing.client import (
    ConnectOptions,
    InitializationBehavior,
    SessionOptions,
    SessionSharingError,
    SharedSession,
)
from session_sharing.v1 import lifecycle_pb2 as pb


class LockSession(SharedSession):
    kind = "lock"


def say(text: str) -> None:
    print(text, flush=True)


def hold_the_interpreter(seconds: float) -> None:
    """Sleep in C without releasing the interpreter lock, as a careless extension does."""
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(int(seconds * 1e3))
    else:
        ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def main(target: str, resource: str, behavior: str) -> None:
    options = SessionOptions(InitializationBehavior[behavior])
    try:
        session = LockSession(resource, ConnectOptions(target), options)
    except SessionSharingError as error:
        say(f"refused {error.reason}")
        return
    say("new" if session.new_session else "attached")
    with session:
        for line in sys.stdin:
            command, _, argument = line.strip().partition(" ")
            if command == "leave":
                break
            if command == "raise":
                raise RuntimeError("as asked")
            if command == "hold-interpreter":
                hold_the_interpreter(float(argument))
                say("held")
            if command == "detach":
                request = pb.DetachRequest(attachment=session.attachment)
                try:
                    session.connection.call(session.connection.lifecycle.Detach, request)
                    say("ended")
                except SessionSharingError as error:
                    say(f"refused {error.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
