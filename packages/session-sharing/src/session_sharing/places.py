"""Where servers and clients of one user meet."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to reach a server."""

    target: str
    """gRPC target: ``unix:PATH``, ``ipv4:HOST:PORT``, ``ipv6:[HOST]:PORT`` or ``HOST:PORT``."""
    host: str = ""
    """Where its TCP port is: the name or address that the server listens at."""
    port: int = 0
    """0 for a unix socket."""
    tls: bool = False
    """Whether TLS is spoken there."""


def default_state_file(program: str) -> Path:
    """Give the place of a program's state file in the user's runtime folder.

    Where the system has no such folder, it is one below the temporary folder; servers check that it
    belongs to their user alone. Needs platformdirs, which comes with the extra ``server``.
    """
    import platformdirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that there is no runtime folder
        folder = platformdirs.user_runtime_dir("session-sharing", appauthor=False)
    return Path(folder) / f"{program}.json"
