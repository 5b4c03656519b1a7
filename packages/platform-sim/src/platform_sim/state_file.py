"""The file by which other processes find a running platform."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from session_sharing import NotPermittedError
from session_sharing.places import read_private, runtime_folder

from platform_sim.errors import StateFileError

_CONNECT_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class PlatformState:
    """What a running platform says of itself."""

    pid: int
    """Process id of the platform."""
    discovery_address: str
    """HOST:PORT of discovery, pin map and session management."""
    device_server_address: str
    """HOST:PORT of the simulated NI gRPC Device Server, "" when there is none."""

    def is_live(self) -> bool:
        """Tells whether the platform runs: its process is this user's and its port answers.

        The port settles the case of a process id that the system gave to another program.
        """
        return _is_own_process(self.pid) and _answers(self.discovery_address)


def default_state_file() -> Path:
    """Return the place of the state file in the user's runtime folder.

    Raises:
        StateFileError: The runtime folder was made by another user.
    """
    try:
        return runtime_folder("platform-sim") / "platform.json"
    except NotPermittedError as error:
        raise StateFileError(str(error)) from error


def read_state(path: Path) -> PlatformState | None:
    """Reads a state file.

    Returns:
        The state, or None when there is no file.

    Raises:
        StateFileError: The file is not a state file of a platform, or somebody else could have put
            it there.
    """
    try:
        fields = json.loads(read_private(path))
        return PlatformState(
            pid=int(fields["pid"]),
            discovery_address=str(fields["discovery_address"]),
            device_server_address=str(fields["device_server_address"]),
        )
    except FileNotFoundError:
        return None
    except NotPermittedError as error:
        raise StateFileError(f"The state file is not believed: {error}") from error
    except OSError as error:
        raise StateFileError(
            f"{path} cannot be read ({error.strerror}); name another state file."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StateFileError(
            f"{path} is not a platform-sim state file ({error}); delete it or name another."
        ) from error


def refuse_live_state_file(path: Path) -> None:
    """Does nothing if a state file is free to be claimed.

    Raises:
        StateFileError: A live platform owns the file, or it is no state file.
    """
    state = read_state(path)
    if state is not None and state.is_live():
        raise StateFileError(
            f"A platform is running with state file {path} (pid {state.pid}, discovery "
            f"{state.discovery_address}). Stop it, or give this one a --state-file of its own."
        )


def claim_state_file(path: Path, state: PlatformState) -> None:
    """Writes a state file, whole or not at all, with mode 0600.

    A file that a dead platform left behind is replaced.

    Raises:
        StateFileError: A live platform owns the file, it is no state file, its folder is not safe
            to use, or it cannot be written.
    """
    try:
        _prepare_folder(path)
        refuse_live_state_file(path)  # also refuses a folder in which others could put a file
        _write(path, state)
    except OSError as error:
        raise StateFileError(
            f"The state file {path} cannot be written ({error.strerror}). Give --state-file a "
            "place that you may write to."
        ) from error


def release_state_file(path: Path, state: PlatformState) -> None:
    """Removes the state file if it still is the given platform's."""
    if _read_or_none(path) == state:
        path.unlink(missing_ok=True)


def _write(path: Path, state: PlatformState) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
        while not _link_if_absent(fresh, path):
            _set_stale_aside(path)
    finally:
        fresh.unlink(missing_ok=True)


def _link_if_absent(fresh: Path, path: Path) -> bool:
    """Puts a written file in its place, unless there is one; a link does both in one step."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        fresh.replace(path)
    return True


def _set_stale_aside(path: Path) -> None:
    """Removes a dead platform's file, never one that another platform just wrote."""
    refuse_live_state_file(path)
    aside = path.with_name(f"{path.name}.stale-{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    moved = _read_or_none(aside)
    if moved is not None and moved.is_live():
        _link_if_absent(aside, path)
    aside.unlink(missing_ok=True)


def _read_or_none(path: Path) -> PlatformState | None:
    try:
        return read_state(path)
    except StateFileError:
        return None


def _prepare_folder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sys.platform == "win32" or not _is_default(path):
        return
    mine = os.getuid()
    folder = path.parent.lstat()
    above = path.parent.parent.lstat()
    if (
        not stat.S_ISDIR(folder.st_mode)
        or folder.st_uid != mine
        or folder.st_mode & 0o077
        or above.st_uid not in (mine, 0)
    ):
        raise StateFileError(
            f"{path.parent} must be a folder of this user with mode 0700; mend it, or give "
            "--state-file."
        )


def _is_default(path: Path) -> bool:
    try:
        return path == default_state_file()
    except StateFileError:  # there is no default place, so it is another one
        return False


def _is_own_process(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # os.kill(pid, 0) would end the process there; the port decides
    try:
        os.kill(pid, 0)
    except OSError:  # there is none, or it is another user's
        return False
    return True


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT):
            return True
    except (OSError, ValueError):
        return False
