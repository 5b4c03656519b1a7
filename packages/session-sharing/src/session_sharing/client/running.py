"""What a state file says of a running server; it is believed only where nobody else could write."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.places import read_private


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server of this user on this host."""

    pid: int
    targets: tuple[str, ...]
    """gRPC targets, the ones without TLS first."""
    tls_targets: tuple[str, ...]
    """Those of them that speak TLS."""
    token: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> RunningServer:
        """Read a state file.

        Raises:
            NotPermittedError: The files, or their folder, belong to somebody else, or somebody else
                may write there.
            InvalidArgumentError: There is no server, or the file is not a state file.
        """
        try:
            state = json.loads(read_private(path))
            server = cls(
                pid=int(state["pid"]),
                targets=tuple(map(str, state["targets"])),
                tls_targets=tuple(map(str, state.get("tls_targets", ()))),
                token=read_private(Path(state["token_file"])).strip(),
            )
        except PermissionError as error:
            raise NotPermittedError(f"The server runs as another user: {error}") from error
        except FileNotFoundError as error:
            raise InvalidArgumentError(f"No server has written {path}; is it running?") from error
        except OSError as error:
            raise NotPermittedError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidArgumentError(f"{path} is not a server's state file: {error}") from error
        if not server.targets:
            raise InvalidArgumentError(f"{path} is not a server's state file: it has no target.")
        server._check_alive(path)
        return server

    def target(self, *, tls: bool = False) -> str:
        """Return the best target: the unix socket; with `tls` one that speaks TLS, if any does."""
        if tls and self.tls_targets:
            return self.tls_targets[0]
        return next((t for t in self.targets if t.startswith("unix:")), self.targets[0])

    def listens_at(self, port: str) -> bool:
        """Tell whether a TCP port of this host is this server's."""
        return any(
            not target.startswith("unix:") and target.rpartition(":")[2] == port
            for target in self.targets
        )

    def _check_alive(self, path: Path) -> None:
        """Say at once that the server's process is gone, where the system can tell."""
        if sys.platform == "win32" or self.pid <= 0:
            return
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError as error:
            raise InvalidArgumentError(
                f"{path} was left behind: its server, process {self.pid}, is gone. Start it again."
            ) from error
        except (OSError, OverflowError):
            return  # it lives, as another user
