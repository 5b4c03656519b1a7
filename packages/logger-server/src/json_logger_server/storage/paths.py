"""Find and open the log files that clients name, only inside the log folders."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from json_logger_proto.log_files.opening import READ_FLAGS
from json_logger_proto.log_format import LOG_SUFFIXES
from session_sharing import (
    InvalidArgumentError,
    LimitExceededError,
    NotAResourceError,
    NotPermittedError,
    ResourceLostError,
    ResourceNotFoundError,
    SessionSharingError,
    StorageFullError,
)

from json_logger_server.storage.windows_names import (
    plain_name,
    with_prefix_if_long,
    without_prefix,
)

OPEN_FLAGS = READ_FLAGS | os.O_RDWR


@dataclass(frozen=True, slots=True)
class LogRoots:
    """The folders that may contain log files."""

    folders: tuple[Path, ...]
    """The folders; relative names start at the first."""
    any_path: bool = False
    """Accept every path, as the reference server does. Use it only if you trust every client."""

    def resolve(self, name: str) -> Path:
        """Return the absolute path, without links, that a client's name means.

        Raises:
            InvalidArgumentError: The name cannot be that of a log file.
            NotPermittedError: The path is outside the folders.
            ResourceNotFoundError: The parent folder of the path does not exist.
        """
        if "\0" in name or not name.endswith(LOG_SUFFIXES):
            raise InvalidArgumentError(
                f"{name!r} is not the name of a log file; it must end with "
                f"{', '.join(LOG_SUFFIXES)}."
            )
        if sys.platform == "win32":
            name = plain_name(name)
        try:
            path = canonical(self.folders[0] / name)
            parent_exists = path.parent.is_dir()
        except (OSError, ValueError) as error:
            raise InvalidArgumentError(f"{name!r} is not a usable path: {error}") from error
        if not self.any_path and self._root_of(path) is None:
            allowed = ", ".join(map(str, self.folders))
            raise NotPermittedError(
                f"{name!r} is outside this server's log folders: {allowed}. Use a path in one of "
                "them, or start the server with another --log-root."
            )
        if not parent_exists:
            raise ResourceNotFoundError(
                f"The folder {path.parent} does not exist. Create it, or use another folder."
            )
        return path

    def find(self, name: str) -> Path:
        """Return the path of the existing file that a client's name means.

        Raises:
            SessionSharingError: The name is refused, or the file does not exist.
        """
        path = self.resolve(name)
        if not path.is_file():
            raise ResourceNotFoundError(f"There is no log {path}.")
        return path

    def open(self, path: Path, *, create: bool) -> tuple[int, bool]:
        """Open a resolved path for reading and appending; refuse links that appeared since.

        Returns:
            A file descriptor, and whether this call created the file.

        Raises:
            SessionSharingError: The file cannot be opened, or is not a plain file.
        """
        try:
            handle, created = self._open_or_create(path, create)
        except OSError as error:
            raise from_os_error(error, path) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise NotAResourceError(f"{path} is not a plain file.")
        return handle, created

    def _open_or_create(self, path: Path, create: bool) -> tuple[int, bool]:
        try:
            return self._open(path, OPEN_FLAGS), False
        except FileNotFoundError:
            if not create:
                raise
        try:
            return self._open(path, OPEN_FLAGS | os.O_CREAT | os.O_EXCL), True
        except FileExistsError:
            return self._open(path, OPEN_FLAGS), False  # another program was faster

    def _open(self, path: Path, flags: int) -> int:
        root = self._root_of(path)
        if sys.platform != "win32" and root is not None:
            return _open_beneath(root, path.relative_to(root), flags)
        return os.open(path, flags, 0o666)

    def _root_of(self, path: Path) -> Path | None:
        for folder in self.folders:
            root = canonical(folder)
            if _plain(path).is_relative_to(_plain(root)):
                return root
        return None


if sys.platform != "win32":

    def _open_beneath(root: Path, inside: Path, flags: int) -> int:
        """Open a path step by step below a folder, so that a link put in the path has no effect."""
        step = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in inside.parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=step)
                os.close(step)
                step = below
            return os.open(inside.name, flags, 0o666, dir_fd=step)
        finally:
            os.close(step)


def canonical(path: Path) -> Path:
    r"""Return the absolute path of a file, without links; on Windows with ``\\?\`` if it is long.

    Raises:
        OSError: The system cannot follow the path.
    """
    if os.name != "nt":
        return Path(os.path.realpath(path))
    real = os.path.realpath(with_prefix_if_long(os.path.abspath(path)))  # noqa: PTH100
    return Path(with_prefix_if_long(without_prefix(real)))


def _plain(path: Path) -> Path:
    return Path(without_prefix(str(path))) if sys.platform == "win32" else path


@contextlib.contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Raise the system's errors about a file as errors of session sharing."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, path) from error


def from_os_error(error: OSError, path: Path) -> SessionSharingError:
    """Return the error of session sharing that a system error about a file means."""
    if error.errno == errno.EACCES and sys.platform == "win32" and path.is_dir():
        return NotAResourceError(f"{path} is a folder.")
    why = f"{path}: {error.strerror}"
    kinds: dict[int, SessionSharingError] = {
        errno.ENOENT: ResourceNotFoundError(f"{path} does not exist."),
        errno.EACCES: NotPermittedError(why),
        errno.EPERM: NotPermittedError(why),
        errno.EROFS: NotPermittedError(why),
        errno.ELOOP: NotPermittedError(f"{path} was replaced by a link."),
        errno.ENOTDIR: ResourceNotFoundError(why),
        errno.EINVAL: InvalidArgumentError(why),
        errno.ENAMETOOLONG: InvalidArgumentError(f"The name of {path.name[:40]}… is too long."),
        errno.EISDIR: NotAResourceError(f"{path} is a folder."),
        errno.ENXIO: NotAResourceError(f"{path} is not a plain file."),
        errno.EMFILE: LimitExceededError(
            "The server has no file descriptor left. Close sessions, or raise its limit.",
            limit="files",
        ),
        errno.ENFILE: LimitExceededError(
            "The system has no file descriptor left. Close files, or raise its limit.",
            limit="files",
        ),
        errno.ENOSPC: StorageFullError(f"There is no room left for {path}. Free some space."),
        errno.EDQUOT: StorageFullError(f"The disk quota leaves no room for {path}."),
        errno.EFBIG: StorageFullError(f"{path} has reached the largest allowed size."),
    }
    return kinds.get(error.errno or 0, ResourceLostError(why))


def not_on_the_disk(path: Path, error: OSError) -> ResourceLostError:
    """Return the error for a file whose content on the disk is unknown from now on."""
    return ResourceLostError(
        f"The system cannot write {path} to the disk: {error.strerror}. Check the disk, and open "
        "the log again."
    )
