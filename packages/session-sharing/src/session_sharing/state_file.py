"""Write the file by which programs of the same user find a running server.

This module needs filelock, which the extra [server] installs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.guard import Guard
from session_sharing.places import (
    check_owned,
    default_state_file,
    make_private_folder,
    no_place,
    read_private,
    remove_file,
    write_private,
)


class StateFile:
    """A JSON file that exists while its server is ready; a lock file shows that the server lives.

    Args:
        path: The file.
        keys: Keys that every state file of this kind of server has.
        companions: Files that are removed together with it.
    """

    def __init__(self, path: Path, keys: Collection[str], companions: Sequence[Path] = ()) -> None:
        self.path = path
        self._keys = set(keys)
        self._companions = companions
        self._guard = Guard(path)
        self._is_default = _is_default(path)

    def claim(self) -> None:
        """Take the file for this server; remove the file of a server that has died.

        Raises:
            ResourceInUseError: Another server that runs has the file.
            InvalidArgumentError: The file is in the default folder, and other users can enter that
                folder; or the path has a file that is not a state file; or it cannot be written.
        """
        if self._is_default:
            make_private_folder(self.path.parent)
            check_owned(self.path.parent.parent)
        else:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise no_place(self.path.parent, error) from error
        self._guard.acquire(
            f"Another server is already running with the state file {self.path}. Stop it first, or "
            "name another state file."
        )
        try:
            self._remove_stale()
        except InvalidArgumentError:
            self._guard.release()
            raise

    def _remove_stale(self) -> None:
        """Remove the state file of a server that has died; refuse any other file."""
        try:
            state = json.loads(read_private(self.path))
            left_by_a_server = isinstance(state, dict) and self._keys <= state.keys()
        except FileNotFoundError:
            return
        except NotPermittedError as error:
            raise InvalidArgumentError(f"{error} Or name another place.") from error
        except (OSError, ValueError, TypeError):
            left_by_a_server = False
        if not left_by_a_server:
            raise InvalidArgumentError(
                f"{self.path} is not a state file, so it is not overwritten. Name another place."
            )
        try:
            remove_file(self.path)
        except OSError as error:
            raise no_place(self.path, error) from error

    def publish(self, state: Mapping[str, object]) -> None:
        """Write the file, when the server is ready.

        Raises:
            InvalidArgumentError: It cannot be written.
        """
        write_private(self.path, json.dumps(state, indent=2) + "\n")

    def remove(self) -> None:
        """Remove the file and its companions, and release the lock."""
        if self._guard.held:
            for path in (self.path, *self._companions):
                remove_file(path)
            self._guard.release()


def _is_default(path: Path) -> bool:
    try:
        return path == default_state_file(path.stem)
    except NotPermittedError:  # there is no default place
        return False
