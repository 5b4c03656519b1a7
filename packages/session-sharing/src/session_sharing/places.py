"""Where servers and clients of one user meet, and which files there can be trusted."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import platformdirs

from session_sharing.core.errors import InvalidArgumentError, NotPermittedError

_LARGEST_FILE = 64 * 1024
"""Bytes of a state file or a token file."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to reach a server."""

    target: str
    """gRPC target, as ``unix:PATH``, ``ipv4:HOST:PORT``, ``ipv6:[HOST]:PORT`` or ``HOST:PORT``."""
    host: str = ""
    """Name or address that the server listens at, for a TCP port."""
    port: int = 0
    """0 for a unix socket."""
    tls: bool = False
    """Whether TLS is spoken there."""


def default_state_file(program: str) -> Path:
    """Return the place of a program's state file in the user's runtime folder.

    Raises:
        NotPermittedError: See `runtime_folder`.
    """
    return runtime_folder("session-sharing") / f"{program}.json"


def runtime_folder(name: str) -> Path:
    """Return a folder of this name in the user's runtime folder; it may not exist yet.

    Where the system has no runtime folder, it is one below the temporary folder. Servers and
    clients check that it belongs to their user alone.

    Raises:
        NotPermittedError: The folder below the temporary folder was made by another user.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that there is no runtime folder
        try:
            return Path(platformdirs.user_runtime_dir(name, appauthor=False))
        except OSError as error:
            reason = str(error).rstrip(".")
            raise NotPermittedError(
                f"There is no runtime folder of this user: {reason}. Set XDG_RUNTIME_DIR to a "
                "folder that only you can enter (mode 0700), or name the state file."
            ) from error


def is_on_this_machine(path: Path) -> bool:
    """Tell whether a path that another program names is absolute and leads to no other machine.

    On Windows, opening a share of another machine shows it this user's credentials.
    """
    return path.is_absolute() and not path.drive.startswith(("\\\\", "//"))


def read_private(path: Path) -> str:
    """Read a file that nobody but this user can have written.

    Neither a link nor a pipe in its place is followed or waited for, and no device is opened.

    Raises:
        NotPermittedError: Somebody else could have put or changed the file; nothing was read.
        FileNotFoundError: There is none.
        OSError: It cannot be read.
        ValueError: It is not text.
    """
    handle = _open_own(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        if size > _LARGEST_FILE:
            raise NotPermittedError(f"{path} is too large to be read: {size} bytes.")
        return os.read(handle, _LARGEST_FILE).decode("utf-8")
    finally:
        os.close(handle)


def read_small(path: Path) -> str:
    """Read a small file that the user has named: a token, say. Links are followed.

    Raises:
        NotPermittedError: It is a pipe or a device, which might never end, or too large.
        OSError: It cannot be read.
        ValueError: It is not text.
    """
    if not path.is_file():
        path.stat()  # says that there is none
        raise NotPermittedError(f"{path} is not a file, so it is not read.")
    with path.open("rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise NotPermittedError(f"{path} is too large to be read.")
    return data.decode("utf-8")


def append_private(path: Path) -> TextIO:
    """Open a file of this user's to append text to it; make it when there is none.

    Raises:
        NotPermittedError: Somebody else could have put the file there.
        OSError: It cannot be opened.
    """
    handle = _open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return os.fdopen(handle, "a", encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Write a file atomically that only this user can read.

    Raises:
        InvalidArgumentError: It cannot be written; nothing is left behind.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise no_place(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise no_place(path, error) from error


def no_place(path: Path, error: OSError) -> InvalidArgumentError:
    """Return the error for a file or folder that cannot be made."""
    return InvalidArgumentError(f"{path} cannot be made: {error.strerror}; name another place.")


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user can enter, or check that it is one.

    Raises:
        InvalidArgumentError: It cannot be made, belongs to somebody else, or others can enter it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(f"{folder} cannot be made: {error}") from error
    if os.name == "nt":
        return
    if stat.S_IMODE(check_owned(folder).st_mode) & 0o077:
        raise InvalidArgumentError(
            f"{folder} must belong to you alone: `chmod 700` it, or choose another."
        )


def check_owned(folder: Path) -> os.stat_result:
    """Check that nobody else can put another folder in the place of what lies in this one.

    Returns:
        What the system says of the folder.

    Raises:
        InvalidArgumentError: It belongs to somebody else, or others can write there.
    """
    facts = folder.stat()
    if sys.platform != "win32" and (
        facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o022
    ):
        raise InvalidArgumentError(
            f"{folder} must belong to you, and nobody else write there: `chmod go-w` it."
        )
    return facts


def _open_own(path: Path, flags: int) -> int:
    folder = path.parent.resolve(strict=True)
    for above in (folder, *folder.parents):
        _check_folder(above)
    with contextlib.suppress(FileNotFoundError):
        _check_own(path, path.lstat())  # before it is opened, which a device might take for more
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags, 0o600)
    try:
        _check_own(path, os.fstat(handle))
    except NotPermittedError:
        os.close(handle)
        raise
    return handle


def _check_own(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise NotPermittedError(f"{path} is not a file, so it is not trusted.")
    if sys.platform == "win32":
        return  # the user's folders are the user's by their access list
    if facts.st_uid != os.geteuid():
        raise NotPermittedError(
            f"{path} belongs to user {facts.st_uid}, not to you, so it is not trusted."
        )
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotPermittedError(
            f"{path} can be written by others, so it is not trusted: `chmod go-w` it."
        )


def _check_folder(folder: Path) -> None:
    """Refuse a folder in which somebody else could replace what lies below."""
    if sys.platform == "win32":
        return
    facts = folder.stat()
    if facts.st_uid not in (0, os.geteuid()):
        raise NotPermittedError(
            f"The folder {folder} belongs to user {facts.st_uid}, not to you, so what lies in it "
            "is not trusted."
        )
    others_write = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others_write and not facts.st_mode & stat.S_ISVTX:
        raise NotPermittedError(
            f"Others can write in the folder {folder}, so what lies in it is not trusted: "
            "`chmod go-w` it."
        )
