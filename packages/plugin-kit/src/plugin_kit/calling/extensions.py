"""Define the answers that a platform may give in addition to NI's protocol.

Use it to write a platform. NI's protocol has no call that lists the sites of a pin map, and none
that says how a plug-in ended. A platform that knows this answers it in metadata and by one more
call. Clients also work without these answers, as with NI's services.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

__all__ = [
    "LAST_RUN_METHOD",
    "LEFT_BY",
    "NO_RUN",
    "SITE_NUMBERS_KEY",
    "LastRun",
    "LastRunRequest",
    "decode_sites",
    "encode_sites",
]

LAST_RUN_METHOD = "/platform_sim.v1.Plugins/LastRun"
"""Full name of the call that takes a `LastRunRequest` and returns a `LastRun`, in JSON."""

NO_RUN = b"null"
"""The answer for a plug-in that the platform did not start."""

LEFT_BY = "measure left by "
"""Part of the error text of a call whose measurement ended neither with a value nor an Exception.
"""

SITE_NUMBERS_KEY = "platform-sim-site-numbers"
"""Trailing metadata of GetPinMap: the numbers of the pin map's sites, separated by commas."""


@dataclass(frozen=True, slots=True)
class LastRunRequest:
    """The question how the plug-in at a port ended."""

    port: str
    """Port of the plug-in, which may have ended."""
    wait: float = 0.0
    """Seconds to wait for its end, if it has not ended."""

    def encode(self) -> bytes:
        """Return the message."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def decode(message: bytes) -> LastRunRequest:
        """Read a message."""
        return LastRunRequest(**json.loads(message))


@dataclass(frozen=True, slots=True)
class LastRun:
    """How the process of a plug-in ended, and its last output."""

    ended: str
    """How it ended, such as "exit code 3" or "signal SIGKILL"; "" while the process runs."""
    output: str
    """A sentence with its last lines, and the file that has the others."""

    def encode(self) -> bytes:
        """Return the message."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def decode(message: bytes) -> LastRun | None:
        """Read a message; None says that the platform did not start the plug-in."""
        fields = json.loads(message)
        return LastRun(**fields) if fields else None


def encode_sites(sites: Iterable[int]) -> str:
    """Return the text of the metadata."""
    return ",".join(str(site) for site in sites)


def decode_sites(text: str) -> list[int]:
    """Read the text of the metadata."""
    return [int(part) for part in text.split(",") if part]
