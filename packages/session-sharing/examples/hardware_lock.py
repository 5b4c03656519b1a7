"""A hardware lock that processes share: all the code of a new resource kind.

Serve it:  python hardware_lock.py serve
Use it:    python hardware_lock.py hold scope-1
"""

import asyncio
import sys
from pathlib import Path

from session_sharing import ConnectOptions, Resource, SessionHost, SharedSession, StateFile

STATE = Path("lock-server.json")


class HardwareLock(Resource):
    """A lock does nothing but being open."""

    exclusive = True  # one holder at a time, whatever behavior the others ask for


class LockSession(SharedSession):
    """Holds the lock while it is open; the server refuses a second holder."""

    kind = "lock"


async def serve(state: StateFile) -> None:
    """Serve locks until Ctrl-C."""
    state.claim()
    host = SessionHost({"lock": HardwareLock})
    await host.run(lambda: state.publish(host))
    state.remove()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(StateFile(STATE.absolute())))
    else:
        with LockSession(sys.argv[2], ConnectOptions.from_state_file(STATE)) as lock:
            input(f"holding {lock.resource}; press Enter to release it ")
