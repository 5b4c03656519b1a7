"""Hold sessions for tests of any resource; see session_promises.py.

python session_holder.py KIT TARGET RESOURCE=BEHAVIOR...
"""

from __future__ import annotations

import importlib
import sys
from contextlib import ExitStack

from session_sharing.client import (
    Connection,
    ConnectOptions,
    InitializationBehavior,
    SessionOptions,
    SessionSharingError,
)


def say(text: str) -> None:
    print(text, flush=True)


def main(kit_name: str, target: str, *wanted: str) -> None:
    kit = importlib.import_module(kit_name)
    with ExitStack() as stack:
        connection = stack.enter_context(Connection(ConnectOptions(target)))
        sessions = []
        for one in wanted:
            resource, _, behavior = one.partition("=")
            options = SessionOptions(InitializationBehavior[behavior])
            session = kit.open_session(resource, connection, options)
            sessions.append(stack.enter_context(session))
        say("open")
        for line in sys.stdin:
            command = line.strip()
            if command == "leave":
                break
            if command == "raise":
                raise RuntimeError("as asked")
            if command == "use":
                try:
                    kit.use(sessions[0])
                    say("used")
                except SessionSharingError as error:
                    say(f"refused {error.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
