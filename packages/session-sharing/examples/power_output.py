"""A power output that is switched off when its client dies: a release hook with an effect.

Serve it:  python power_output.py serve
Use it:    python power_output.py hold supply-1
"""

import sys
from pathlib import Path

from session_sharing import (
    ConnectOptions,
    Resource,
    ResourceNotFoundError,
    SessionHost,
    SharedSession,
    serve,
)

STATE = Path("output-server.json")
SUPPLIES = Path("supplies")
"""Takes the place of the hardware: one file for each supply, with "on" or "off"."""


class PowerOutput(Resource):
    """A supply's output: on while its session is open."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._supply = SUPPLIES / name
        if not self._supply.is_file():
            raise ResourceNotFoundError(f"There is no supply {name!r} in {SUPPLIES}.")
        self._supply.write_text("on")

    def close(self) -> None:
        """Switch off: a client closed the session."""
        self._supply.write_text("off")

    def abandon(self, reason: str) -> None:
        """Switch off and note why: no client is left to close the session."""
        self._supply.write_text(f"off: {reason}")

    def describe(self) -> dict[str, str]:
        """Return facts for clients that open or list the session."""
        return {"output": self._supply.read_text()}


class OutputSession(SharedSession):
    """Keeps the output on while it is open."""

    kind = "output"


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(SessionHost({"output": PowerOutput}), STATE)
    else:
        with OutputSession(sys.argv[2], ConnectOptions.from_state_file(STATE)) as output:
            input(f"{output.resource} is on; press Enter to switch it off ")
