"""A hardware lock that processes share: all the code of a new resource kind.

Serve it:  python hardware_lock.py serve
Use it:    python hardware_lock.py hold scope-1 [SECONDS TO WAIT FOR IT]
"""

import sys
from pathlib import Path

from session_sharing import (
    ConnectOptions,
    Resource,
    SessionHost,
    SessionOptions,
    SharedSession,
    serve,
)

STATE = Path("lock-server.json")


class HardwareLock(Resource):
    """A lock does nothing but being open."""

    exclusive = True  # one holder at a time, whatever behavior the others ask for


class LockSession(SharedSession):
    """Holds the lock while it is open; the server refuses a second holder."""

    kind = "lock"


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(SessionHost({"lock": HardwareLock}), STATE)
    else:
        options = SessionOptions(wait=float(sys.argv[3]) if sys.argv[3:] else 0.0)
        with LockSession(sys.argv[2], ConnectOptions.from_state_file(STATE), options) as lock:
            input(f"holding {lock.resource}; press Enter to release it ")
