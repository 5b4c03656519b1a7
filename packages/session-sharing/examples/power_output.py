"""An output that is switched off when its holder dies: a release hook that acts.

Serve it:  python power_output.py serve
Use it:    python power_output.py hold supply-1
"""

import asyncio
import sys
from pathlib import Path

from session_sharing import (
    ConnectOptions,
    Resource,
    ResourceNotFoundError,
    SessionHost,
    SharedSession,
    StateFile,
)

STATE = Path("output-server.json")
SUPPLIES = Path("supplies")
"""Stands for the hardware: a file a supply, which says "on" or "off"."""


class PowerOutput(Resource):
    """A supply's output: on while its session is open."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._supply = SUPPLIES / name
        if not self._supply.is_file():
            raise ResourceNotFoundError(f"There is no supply {name!r} in {SUPPLIES}.")
        self._supply.write_text("on")

    def close(self) -> None:
        """Somebody closed the session in good order."""
        self._supply.write_text("off")

    def abandon(self, reason: str) -> None:
        """Nobody is there to close it: off at once, and say why."""
        self._supply.write_text(f"off: {reason}")

    def describe(self) -> dict[str, str]:
        """What whoever opens or lists the session is told."""
        return {"output": self._supply.read_text()}


class OutputSession(SharedSession):
    """Keeps the output on for as long as it lives."""

    kind = "output"


async def serve(state: StateFile) -> None:
    """Serve outputs until Ctrl-C."""
    state.claim()
    host = SessionHost({"output": PowerOutput})
    await host.run(lambda: state.publish(host))
    state.remove()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(StateFile(STATE.absolute())))
    else:
        with OutputSession(sys.argv[2], ConnectOptions.from_state_file(STATE)) as output:
            input(f"{output.resource} is on; press Enter to switch it off ")
