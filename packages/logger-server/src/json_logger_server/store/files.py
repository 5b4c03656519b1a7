"""Find the logs in the log folders, and recognise a file wherever it was moved to."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from json_logger_proto.log_files.lines import (
    NEWLINE,
    first_number,
    numbers_of,
    read_at,
    start_of_line,
)
from json_logger_proto.log_files.rotated import rotated_files
from json_logger_proto.log_format import LOG_SUFFIXES, log_name
from session_sharing.file_roots import canonical
from session_sharing.opening import READ_FLAGS

_HEAD = 4096
_KEY = b'"measurement_name"'


@dataclass(frozen=True, slots=True)
class FirstLine:
    """The first record of a file, by which the store recognises the file."""

    seq: int
    """Its number."""
    line: bytes
    """Its line, without the newline."""

    def uid(self, station: str) -> UUID:
        """Return the identity of the log that a station began with this line."""
        digest = hashlib.sha256(station.encode(errors="surrogatepass") + NEWLINE + self.line)
        return UUID(bytes=digest.digest()[:16], version=5)


def first_line(handle: int, size: int) -> FirstLine | None:
    """Read the first numbered line of a file; None if it has none.

    Args:
        handle: The file descriptor.
        size: Size of the file in bytes; later bytes are ignored.
    """
    whole = start_of_line(handle, size)
    seq, end = first_number(handle, 0, whole, whole)
    if not seq:
        return None
    start = start_of_line(handle, end - 1)
    return FirstLine(seq, read_at(handle, start, end - 1 - start))


def last_number(handle: int, size: int) -> int:
    """Return the number of the last numbered line of a file; 0 if it has none."""
    end = start_of_line(handle, size)
    while end > 0:
        start = start_of_line(handle, end - 1)
        number = numbers_of(read_at(handle, start, end - start)).seq
        if number:
            return number
        end = start
    return 0


def find_logs(folders: Iterable[Path]) -> Iterator[Path | None]:
    """Yield the path of every log in some folders and below; None often in between.

    Links, hidden names and files of other users are left out. The rotated files of a log are not
    logs of their own.
    """
    waiting = [*map(canonical, folders)]
    seen: set[Path] = set()
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        names = []
        for entry in _entries(folder):
            yield None
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif entry.name.endswith(LOG_SUFFIXES) and entry.is_file(follow_symlinks=False):
                names.append(entry.name)
        yield from _logs_among(folder, names)


def name_below(path: Path, folders: Iterable[Path]) -> str:
    """Return the name of a log in the store: its path below its log folder, with slashes."""
    for folder in folders:
        root = canonical(folder)
        if path.is_relative_to(root):
            path = path.relative_to(root)
            break
    return os.fsencode(path.as_posix()).decode(errors="replace")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # it may not be read, or was removed
        return


def _logs_among(folder: Path, names: list[str]) -> Iterator[Path | None]:
    """Yield the logs among the files of a folder."""
    numbered = {name for name in names if log_name(name)}
    rotated: set[Path] = set()
    has_rotated: set[Path] = set()
    for name in names if numbered else ():
        yield None
        if name not in numbered and (found := rotated_files(folder / name)):
            has_rotated.add(folder / name)  # also if it is empty itself
            rotated.update(file.path for file in found)
    for name in names:
        yield None
        path = folder / name
        if path not in rotated and _is_log(path, path in has_rotated):
            yield path


def _is_log(path: Path, has_rotated: bool) -> bool:
    """Return whether a file is a log of this user; one with rotated files may be empty itself."""
    try:
        handle = os.open(path, READ_FLAGS)
    except OSError:
        return False
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            return False
        if sys.platform != "win32" and facts.st_uid != os.geteuid():
            return False  # somebody may have planted it
        return has_rotated or _KEY in read_at(handle, 0, _HEAD)
    except OSError:
        return False
    finally:
        os.close(handle)
