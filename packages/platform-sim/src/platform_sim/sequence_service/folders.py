"""The sequence files that may be started: those in the folders that the platform was given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_sim.errors import InvalidRequestError, NotKnownError, UntrustedFileError
from platform_sim.file_walk import walk_files
from platform_sim.ownership import why_not_trusted

SEQUENCE_SUFFIX = ".seq"
PIN_MAP_SUFFIX = ".pinmap"

_MOST_SHOWN = 200
"""Characters of a caller's path that an error repeats."""

_REMEDY = (
    "A sequence runs code, so it is not started from there. Change the owner or the mode, or read "
    "the sequence and start it yourself by 'platform-sim run'."
)


@dataclass(frozen=True, slots=True)
class SequenceFile:
    """A sequence file in one of the folders."""

    path: Path
    """Absolute path, without links."""
    folder: Path
    """The folder that it lies in, as the platform was given it."""
    refusal: str
    """Why it is not started, and what to do; "" for a file that can be started."""


class SequenceFolders:
    """Looks into the folders at every question, so that new sequences are found at once.

    Args:
        folders: Where to look, in themselves and below.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def files(self) -> list[SequenceFile]:
        """Return the sequence files by path.

        Files that a link inside a folder leads out to are left out, as are hidden folders and
        Python environments.
        """
        found = {}
        for path in self._walk():
            folder = self._folder_of(path)
            if folder is not None and path not in found:
                found[path] = SequenceFile(path, folder, why_not_trusted(path, _REMEDY))
        return [found[path] for path in sorted(found)]

    def find(self, name: str, suffix: str) -> Path:
        """Return the file of a name that a caller gave.

        Args:
            name: Absolute path of the file.
            suffix: How it must end.

        Returns:
            The path without links.

        Raises:
            InvalidRequestError: The path is not absolute, has another suffix, or lies outside of
                the folders.
            NotKnownError: There is no such file.
            UntrustedFileError: Another user could have written the file.
        """
        named, shown = Path(name), f"{name!r:.{_MOST_SHOWN}}"
        if not named.is_absolute() or named.suffix.lower() != suffix:
            raise InvalidRequestError(f"{shown} is not the absolute path of a {suffix} file.")
        try:
            path = named.resolve()
        except (OSError, RuntimeError, ValueError) as error:  # circles of links, a NUL
            raise NotKnownError(f"There is no file {shown}.") from error
        if path.suffix.lower() != suffix or self._folder_of(path) is None:
            raise InvalidRequestError(
                f"{shown} is not in a folder that this platform may start sequences from. Those "
                f"are: {', '.join(map(str, self._folders))}. Others are given by "
                "'platform-sim up --sequences DIR'."
            )
        if not _is_file(path):
            raise NotKnownError(f"There is no file {shown}.")
        refusal = why_not_trusted(path, _REMEDY)
        if refusal:
            raise UntrustedFileError(refusal)
        return path

    def _walk(self) -> Iterator[Path]:
        for folder in self._folders:
            for file in walk_files(folder):
                if file.suffix.lower() == SEQUENCE_SUFFIX and _is_file(file) and _is_text(file):
                    yield file.resolve()

    def _folder_of(self, path: Path) -> Path | None:
        inside = (folder for folder in self._folders if path.is_relative_to(folder.resolve()))
        return next(inside, None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _is_text(path: Path) -> bool:
    """Return whether a path can stand in a message: a name on Linux may be any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
