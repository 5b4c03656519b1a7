"""Find the files that clients may use, in the folders that the platform got."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_sim.errors import InvalidRequestError, NotKnownError, UntrustedFileError
from platform_sim.file_walk import walk_files
from platform_sim.ownership import why_not_trusted

SEQUENCE_SUFFIX = ".seq"
PIN_MAP_SUFFIX = ".pinmap"
_SUFFIXES = (SEQUENCE_SUFFIX, PIN_MAP_SUFFIX)

_MOST_SHOWN = 200
"""Characters of a caller's path that an error contains."""

_REMEDY = (
    "A sequence runs code, so the platform does not start it from there. Change the owner or the "
    "mode, or read the sequence and run it yourself with 'platform-sim run'."
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A sequence file or a pin map in one of the folders."""

    path: Path
    """Absolute path, without links."""
    folder: Path
    """The folder that contains it, as the platform got it."""
    refusal: str
    """The reason why it cannot be started or used, and the remedy; "" if it can."""

    @property
    def is_sequence(self) -> bool:
        """Whether it is a sequence; otherwise it is a pin map."""
        return self.path.suffix.lower() == SEQUENCE_SUFFIX


class SequenceFolders:
    """Read the folders for each request, so that a new sequence is found at once.

    Args:
        folders: Folders to search, with their subfolders.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def files(self) -> list[FoundFile]:
        """Return the sequence files and the pin maps by path.

        Hidden folders, Python environments, and files that a link puts outside of the folders are
        left out.
        """
        found = {}
        for path in self._walk():
            folder = self._folder_of(path)
            if folder is not None and path not in found:
                found[path] = FoundFile(path, folder, why_not_trusted(path, _REMEDY))
        return [found[path] for path in sorted(found)]

    def find(self, name: str, suffix: str) -> Path:
        """Return the file that a caller named.

        Args:
            name: Absolute path of the file.
            suffix: The suffix that the name must have.

        Returns:
            The path without links.

        Raises:
            InvalidRequestError: The path is not absolute, has another suffix, or is outside of
                the folders.
            NotKnownError: The file does not exist.
            UntrustedFileError: Another user could have changed the file.
        """
        named, shown = Path(name), f"{name!r:.{_MOST_SHOWN}}"
        if not named.is_absolute() or named.suffix.lower() != suffix:
            raise InvalidRequestError(f"{shown} is not the absolute path of a {suffix} file.")
        try:
            path = named.resolve()
        except (OSError, RuntimeError, ValueError) as error:  # circles of links, a NUL
            raise NotKnownError(f"The file {shown} does not exist.") from error
        if path.suffix.lower() != suffix or self._folder_of(path) is None:
            raise InvalidRequestError(
                f"{shown} is not in a folder from which this platform may start sequences. These "
                f"are: {', '.join(map(str, self._folders))}. Add a folder with "
                "'platform-sim up --sequences DIR'."
            )
        if not _is_file(path):
            raise NotKnownError(f"The file {shown} does not exist.")
        refusal = why_not_trusted(path, _REMEDY)
        if refusal:
            raise UntrustedFileError(refusal)
        return path

    def _walk(self) -> Iterator[Path]:
        for folder in self._folders:
            for file in walk_files(folder):
                if file.suffix.lower() in _SUFFIXES and _is_file(file) and _is_text(file):
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
    """Return whether a message can contain a path. A name on Linux may have any bytes."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
