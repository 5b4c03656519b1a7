"""Write the state file of a session server, which says where it listens and where its token is."""

from __future__ import annotations

import os
from pathlib import Path

from session_sharing import state_file
from session_sharing.places import write_private
from session_sharing.server.host import SessionHost


class StateFile:
    """A JSON file that exists while its server is ready; a lock file shows that the server lives.

    Call `claim` before the server starts, `publish` when it is ready, and `remove` at its end.
    """

    def __init__(self, path: Path) -> None:
        """Remember the path; nothing is written yet.

        Args:
            path: An absolute path; `default_state_file` returns the usual one.
        """
        self.path = path
        self._file = state_file.StateFile(path, {"pid", "targets"}, [self.token_path])

    @property
    def token_path(self) -> Path:
        """Path of the file with the server's token."""
        return self.path.with_suffix(".token")

    def claim(self) -> None:
        """Take the file for this server; remove the file of a server that has died.

        Raises:
            ResourceInUseError: Another server that runs has the file.
            InvalidArgumentError: The file is in the default folder, and other users can enter that
                folder; or the path has a file that is not a state file; or it cannot be written.
        """
        self._file.claim()

    def publish(self, host: SessionHost) -> None:
        """Write the file, when the server is ready.

        Raises:
            InvalidArgumentError: The files cannot be written.
        """
        # Clients take the first target that suits them; for TLS they need more than this file has.
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
        """Remove the state file, the token file and the lock."""
        self._file.remove()
