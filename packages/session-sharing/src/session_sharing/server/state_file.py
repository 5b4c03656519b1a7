"""Files by which programs of the same user find a running server."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.places import default_state_file, read_private
from session_sharing.server.guard import Guard
from session_sharing.server.host import SessionHost
from session_sharing.server.listeners import check_owned, make_private_folder


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
        self._guard = Guard(path)
        self._is_default = _is_default(path)

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
        if self._is_default:
            make_private_folder(self.path.parent)
            check_owned(self.path.parent.parent)
        else:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise _no_place(self.path.parent, error) from error
        self._guard.acquire(f"A server is already running; see {self.path}.")
        try:
            self._remove_stale()
        except InvalidArgumentError:
            self._guard.release()
            raise

    def _remove_stale(self) -> None:
        """Remove what a dead server left, and nothing else that may stand there."""
        try:
            state = json.loads(read_private(self.path))
            left_by_a_server = isinstance(state, dict) and {"pid", "targets"} <= state.keys()
        except FileNotFoundError:
            return
        except NotPermittedError as error:
            raise InvalidArgumentError(f"{error} Name another place.") from error
        except (OSError, ValueError, TypeError):
            left_by_a_server = False
        if not left_by_a_server:
            raise InvalidArgumentError(f"{self.path} is not a state file; name another place.")
        try:
            self.path.unlink()
        except OSError as error:
            raise _no_place(self.path, error) from error

    def publish(self, host: SessionHost) -> None:
        """Tell where a server is, once it is ready.

        Raises:
            InvalidArgumentError: The files cannot be written.
        """
        # Clients take the first one that suits them; TLS wants more than is told here.
        plain_first = sorted(host.endpoints, key=lambda endpoint: endpoint.tls)
        state = {
            "pid": os.getpid(),
            "targets": [endpoint.target for endpoint in plain_first],
            "tls_targets": [endpoint.target for endpoint in plain_first if endpoint.tls],
            "token_file": str(self.token_path),
        }
        write_private(self.token_path, host.authenticator.token)
        write_private(self.path, json.dumps(state, indent=2) + "\n")

    def remove(self) -> None:
        """Take everything away again."""
        if self._guard.held:
            self.path.unlink(missing_ok=True)
            self.token_path.unlink(missing_ok=True)
            self._guard.release()


def _is_default(path: Path) -> bool:
    try:
        return path == default_state_file(path.stem)
    except NotPermittedError:  # there is no default place, so it is another one
        return False


def write_private(path: Path, text: str) -> None:
    """Write a file atomically that only this user can read.

    Raises:
        InvalidArgumentError: It cannot be written; nothing is left behind.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _no_place(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _no_place(path, error) from error


def _no_place(path: Path, error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError(f"{path} cannot be made: {error.strerror}; name another place.")
