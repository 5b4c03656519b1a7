"""Read the state file of a running server, if no other user can have written it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.places import read_private
from session_sharing.running_process import has_ended


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
            NotPermittedError: The files, or their folder, belong to another user, or another user
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
            raise NotPermittedError(
                f"This user cannot read the state file, because the server runs as another user: "
                f"{error}"
            ) from error
        except FileNotFoundError as error:
            raise InvalidArgumentError(
                f"There is no state file {path} of a server. Is it running? Start it, or name its "
                "state file."
            ) from error
        except OSError as error:
            raise NotPermittedError(
                f"The state file {path} cannot be read: {error.strerror}."
            ) from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _not_a_state_file(path, str(error)) from error
        if not server.targets:
            raise _not_a_state_file(path, "it has no target")
        server._check_alive(path)
        return server

    def target(self, *, tls: bool = False) -> str:
        """Return the best target: the unix socket; with `tls` one that speaks TLS, if any does."""
        if tls and self.tls_targets:
            return self.tls_targets[0]
        return next((t for t in self.targets if t.startswith("unix:")), self.targets[0])

    def listens_at(self, port: str) -> bool:
        """Return whether this server listens at a TCP port."""
        return any(
            not target.startswith("unix:") and target.rpartition(":")[2] == port
            for target in self.targets
        )

    def _check_alive(self, path: Path) -> None:
        """Refuse the state file of a process that has ended."""
        if self.pid > 0 and has_ended(self.pid):
            raise InvalidArgumentError(
                f"The state file {path} is old: its server, process {self.pid}, has ended. Start "
                "the server again."
            )


def _not_a_state_file(path: Path, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{path} is not the state file of a session server: {why}. Name another file."
    )
