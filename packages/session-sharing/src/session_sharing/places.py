"""Read and write the files by which one user's servers and clients meet; check who owns them."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import platformdirs

from session_sharing.access_list import READS, WRITES
from session_sharing.core.errors import InvalidArgumentError, NotPermittedError

if sys.platform == "win32":
    from session_sharing.windows_files import access_list_of, create_private, this_user

_LARGEST_FILE = 64 * 1024
"""Bytes of a state file or a token file."""
_LONGEST_READ = 2.0
"""Seconds for which a program can have such a file open."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of a server."""

    target: str
    """gRPC target: ``unix:PATH``, ``ipv4:HOST:PORT``, ``ipv6:[HOST]:PORT`` or ``HOST:PORT``."""
    host: str = ""
    """Name or address at which the server listens; empty for a unix socket."""
    port: int = 0
    """TCP port; 0 for a unix socket."""
    tls: bool = False
    """Whether clients must speak TLS there."""


def default_state_file(program: str) -> Path:
    """Return the default path of a program's state file, in the user's runtime folder.

    Raises:
        NotPermittedError: See `runtime_folder`.
    """
    return runtime_folder("session-sharing") / f"{program}.json"


def runtime_folder(name: str) -> Path:
    """Return a folder of this name in the user's runtime folder; it may not exist yet.

    On Windows, it is in the user's local application data (``%LOCALAPPDATA%``): programs that clean
    up the temporary folder do not know which files are in use. On another system without a runtime
    folder, it is a folder below the temporary folder. Servers and clients check that it belongs to
    their user alone.

    Raises:
        NotPermittedError: Another user has made the folder below the temporary folder.
    """
    if sys.platform == "win32":
        return platformdirs.user_state_path(name, appauthor=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns that there is no runtime folder
        try:
            return Path(platformdirs.user_runtime_dir(name, appauthor=False))
        except OSError as error:
            reason = str(error).rstrip(".")
            raise NotPermittedError(
                f"This user has no runtime folder: {reason}. Set XDG_RUNTIME_DIR to a folder that "
                "only you can enter (mode 0700), or name the state file."
            ) from error


def is_on_this_machine(path: Path) -> bool:
    """Return whether a path from another program is absolute and does not lead to another machine.

    On Windows, a program that opens a share of another machine sends this user's credentials there.
    """
    return path.is_absolute() and not path.drive.startswith(("\\\\", "//"))


def read_private(path: Path) -> str:
    """Read a file that only this user can have written.

    If there is a link, a pipe or a device in its place, it is not opened.

    Raises:
        NotPermittedError: Another user can have made or changed the file; nothing was read.
        FileNotFoundError: There is none.
        OSError: It cannot be read.
        ValueError: It is not text.
    """
    handle = _open_own(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        if size > _LARGEST_FILE:
            raise _too_large(path)
        return os.read(handle, _LARGEST_FILE).decode("utf-8")
    finally:
        os.close(handle)


def read_small(path: Path) -> str:
    """Read a small file that the user has named, such as a token file; links are followed.

    Raises:
        NotPermittedError: It is a pipe or a device, which might never end, or too large.
        OSError: It cannot be read.
        ValueError: It is not text.
    """
    if not path.is_file():
        path.stat()  # raises FileNotFoundError if there is none
        raise NotPermittedError(
            f"{path} is not a regular file, so it is not read. Name a regular file."
        )
    with path.open("rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise _too_large(path)
    return data.decode("utf-8")


def check_secret(path: Path) -> None:
    """Check that no other user can read a file.

    Raises:
        NotPermittedError: Another user can read it. The message says how to change that.
        OSError: It cannot be opened.
    """
    if sys.platform == "win32":
        handle = os.open(path, os.O_RDONLY)
        try:
            _check_access(path, handle, READS | WRITES, "read")
        finally:
            os.close(handle)
    elif path.stat().st_mode & 0o077:
        raise NotPermittedError(f"Other users can read {path}. Run `chmod 600 {path}`.")


def append_private(path: Path) -> TextIO:
    """Open a file of this user to append text to it; make the file if there is none.

    Raises:
        NotPermittedError: Another user can have made the file.
        OSError: It cannot be opened.
    """
    if sys.platform == "win32":
        with contextlib.suppress(FileExistsError):
            os.close(create_private(path))  # a file that is made otherwise has its folder's list
    handle = _open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return os.fdopen(handle, "a", encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Write, in one atomic step, a file that only this user can read.

    Raises:
        InvalidArgumentError: It cannot be written; no part of it stays on the disk.
    """
    try:
        handle, name = _create_beside(path)
    except OSError as error:
        raise no_place(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise no_place(path, error) from error


def _create_beside(path: Path) -> tuple[int, str]:
    """Create a file that only this user can read, beside a path; return it open, and its name."""
    if sys.platform == "win32":
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        return create_private(beside), str(beside)
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")


def remove_file(path: Path) -> None:
    """Remove a file if it exists. Windows removes no open file: wait until its readers close it.

    Raises:
        OSError: It cannot be removed.
    """
    deadline = time.monotonic() + (_LONGEST_READ if os.name == "nt" else 0.0)
    while True:
        try:
            path.unlink(missing_ok=True)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def no_place(path: Path, error: OSError) -> InvalidArgumentError:
    """Return the error for a file or folder that cannot be made."""
    return InvalidArgumentError(f"{path} cannot be made: {error.strerror}. Name another place.")


def _too_large(path: Path) -> NotPermittedError:
    return NotPermittedError(
        f"{path} has more than {_LARGEST_FILE} bytes, so it is not read. Is it the right file?"
    )


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user can enter, or check that a folder is such a one.

    Raises:
        InvalidArgumentError: It cannot be made, belongs to another user, or other users can enter
            it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"The folder {folder} cannot be made: {error}. Choose another place."
        ) from error
    if os.name == "nt":
        return
    if stat.S_IMODE(check_owned(folder).st_mode) & 0o077:
        raise InvalidArgumentError(
            f"Other users can enter the folder {folder}. Run `chmod 700 {folder}`, or choose "
            "another folder."
        )


def check_owned(folder: Path) -> os.stat_result:
    """Check that no other user can replace the folders and files in a folder.

    Returns:
        The status of the folder.

    Raises:
        InvalidArgumentError: It belongs to another user, or other users can write there.
    """
    facts = folder.stat()
    if sys.platform != "win32" and (
        facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o022
    ):
        raise InvalidArgumentError(
            f"The folder {folder} must belong to you, and other users must not write there. Run "
            f"`chmod go-w {folder}`, or choose a folder of your own."
        )
    return facts


def _open_own(path: Path, flags: int) -> int:
    folder = path.parent.resolve(strict=True)
    for above in (folder, *folder.parents):
        _check_folder(above)
    with contextlib.suppress(FileNotFoundError):
        _check_own(path, path.lstat())  # first: opening a device could already have an effect
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags, 0o600)
    try:
        _check_own(path, os.fstat(handle))
        if sys.platform == "win32":
            _check_access(path, handle, WRITES, "write")
    except (NotPermittedError, OSError):
        os.close(handle)
        raise
    return handle


def _check_own(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise NotPermittedError(
            f"{path} is not a regular file, so it is not trusted. Remove it, or name another file."
        )
    if sys.platform == "win32":
        return  # see _check_access
    if facts.st_uid != os.geteuid():
        raise NotPermittedError(
            f"{path} belongs to user {facts.st_uid}, not to you, so it is not trusted. Use a file "
            "of your own."
        )
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotPermittedError(
            f"Other users can write {path}, so it is not trusted. Run `chmod go-w {path}` if its "
            "content is yours."
        )


def _check_folder(folder: Path) -> None:
    """Refuse a folder in which another user could replace files and folders.

    On Windows, the owner of the file itself shows whether it was replaced.
    """
    if sys.platform == "win32":
        return
    facts = folder.stat()
    if facts.st_uid not in (0, os.geteuid()):
        raise NotPermittedError(
            f"The folder {folder} belongs to user {facts.st_uid}, not to you, so the files in it "
            "are not trusted. Use a folder of your own."
        )
    others_write = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others_write and not facts.st_mode & stat.S_ISVTX:
        raise NotPermittedError(
            f"Other users can write in the folder {folder}, so the files in it are not trusted. "
            f"Run `chmod go-w {folder}`, or use another folder."
        )


if sys.platform == "win32":

    def _check_access(path: Path, handle: int, rights: int, verb: str) -> None:
        """Refuse an open file that another user owns, or for which one has some rights."""
        found, user = access_list_of(handle), this_user()
        if not found.is_owned_by(user):
            raise NotPermittedError(
                f"{path} belongs to {found.owner}, not to you, so it is not trusted. Use a file of "
                "your own."
            )
        if others := found.others(user, rights):
            raise NotPermittedError(
                f"Others ({', '.join(others)}) can {verb} {path}, so it is not trusted. If its "
                f'content is yours, run `icacls "{path}" /inheritance:r /grant:r *{user}:F`.'
            )
