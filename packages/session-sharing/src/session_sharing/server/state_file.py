"""The state file of a session server: where it listens, and where its token is."""

from __future__ import annotations

import os
from pathlib import Path

from session_sharing import state_file
from session_sharing.places import write_private
from session_sharing.server.host import SessionHost


class StateFile:
    """A JSON file that exists while its server is ready; a guard tells it from a stale one.

    Call `claim` before the server starts, `publish` when it is ready and `remove` at its end.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is written yet.

        Args:
            path: An absolute path; `default_state_file` gives the usual one.
        """
        self.path = path
        self._file = state_file.StateFile(path, {"pid", "targets"}, [self.token_path])

    @property
    def token_path(self) -> Path:
        """Where the server's token lies."""
        return self.path.with_suffix(".token")

    def claim(self) -> None:
        """Become the server of this file; a stale one is removed.

        Raises:
            ResourceInUseError: A live server holds it.
            InvalidArgumentError: It stands at the default place, and others can enter there; or
                what stands there is not a state file; or there can be none.
        """
        self._file.claim()

    def publish(self, host: SessionHost) -> None:
        """Tell where a server is, once it is ready.

        Raises:
            InvalidArgumentError: The files cannot be written.
        """
        # Clients take the first one that suits them; TLS wants more than is told here.
        plain_first = sorted(host.endpoints, key=lambda endpoint: endpoint.tls)
        write_private(self.token_path, host.authenticator.token)
        self._file.publish(
            {
                "pid": os.getpid(),
                "targets": [endpoint.target for endpoint in plain_first],
                "tls_targets": [endpoint.target for endpoint in plain_first if endpoint.tls],
                "token_file": str(self.token_path),
            }
        )

    def remove(self) -> None:
        """Take everything away again."""
        self._file.remove()
