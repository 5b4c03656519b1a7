"""The file in which other processes find a running platform."""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from session_sharing import InvalidArgumentError, NotPermittedError, ResourceInUseError, places
from session_sharing.state_file import StateFile

from platform_sim.errors import StateFileError

_CONNECT_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class PlatformState:
    """The data in a platform's state file."""

    pid: int
    """Process id of the platform."""
    discovery_address: str
    """HOST:PORT of discovery, pin map and session management."""
    device_server_address: str
    """HOST:PORT of the simulated NI gRPC Device Server, "" if there is none."""

    def is_live(self) -> bool:
        """Return whether the platform runs: its process is this user's, and its port answers.

        The system may have given the process id to another program. The port shows this.
        """
        return _is_own_process(self.pid) and _answers(self.discovery_address)


def default_state_file() -> Path:
    """Return the place of the state file in the user's runtime folder.

    Raises:
        StateFileError: Another user made the runtime folder.
    """
    try:
        return places.default_state_file("platform-sim")
    except NotPermittedError as error:
        raise StateFileError(str(error)) from error


def read_state(path: Path) -> PlatformState | None:
    """Read a state file.

    Returns:
        The state, or None if there is no file.

    Raises:
        StateFileError: The file is not a platform's state file, or another user could have
            written it.
    """
    try:
        state = json.loads(places.read_private(path))
        return PlatformState(
            pid=int(state["pid"]),
            discovery_address=str(state["discovery_address"]),
            device_server_address=str(state["device_server_address"]),
        )
    except FileNotFoundError:
        return None
    except NotPermittedError as error:
        raise StateFileError(f"The state file is not trusted: {error}") from error
    except OSError as error:
        raise StateFileError(
            f"{path} cannot be read ({error.strerror}). Name another state file."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StateFileError(
            f"{path} is not a platform-sim state file ({error}). Delete it, or name another."
        ) from error


class PlatformStateFile:
    """The state file of one platform, from before its start until its end."""

    def __init__(self, path: Path) -> None:
        """Set the path. Nothing is written yet."""
        self.path = path
        keys = [field.name for field in fields(PlatformState)]
        self._file = StateFile(path.absolute(), keys)

    def claim(self) -> None:
        """Reserve the file for this process. Remove the file of a platform that died.

        Raises:
            StateFileError: A running platform has the file, it is not a state file, its folder is
                not safe, or it cannot be written.
        """
        try:
            self._file.claim()
        except ResourceInUseError as error:
            raise StateFileError(self._describe_holder()) from error
        except InvalidArgumentError as error:
            raise StateFileError(str(error)) from error

    def publish(self, state: PlatformState) -> None:
        """Write the file with mode 0600, when the platform is ready.

        Raises:
            StateFileError: The file cannot be written.
        """
        try:
            self._file.publish(asdict(state))
        except InvalidArgumentError as error:
            raise StateFileError(str(error)) from error

    def remove(self) -> None:
        """Remove the file, if this process has claimed it."""
        self._file.remove()

    def _describe_holder(self) -> str:
        state = _read_or_none(self.path)
        holder = (
            f"A platform is running with state file {self.path} (pid {state.pid}, discovery "
            f"{state.discovery_address})."
            if state is not None
            else f"Another platform is starting with state file {self.path}."
        )
        return f"{holder} Stop it, or start the new one with another --state-file."


def _read_or_none(path: Path) -> PlatformState | None:
    try:
        return read_state(path)
    except StateFileError:
        return None


def _is_own_process(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill(pid, 0) would end the process on Windows; the port decides
    try:
        os.kill(pid, 0)
    except OSError:  # no such process, or another user's
        return False
    return True


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT):
            return True
    except (OSError, ValueError):
        return False
