"""Find, read and remove the rotated files of a log: `NAME.<first seq>.ndjson`."""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from session_sharing import NotAResourceError, ResourceLostError

from json_logger_server.storage.foreign import refuse_foreign
from json_logger_server.storage.lines import (
    LineNumbers,
    first_number,
    numbers_in,
    read_at,
    start_of_line,
)
from json_logger_server.storage.paths import READ_FLAGS, identity_of, system_errors

_DAY = 24 * 3600
_NUMBERED_NAME = re.compile(r"(?P<stem>.+)\.(?P<first>[1-9][0-9]{0,15})(?P<suffix>\.[^.]+)")
_HEAD = 512


@dataclass(frozen=True, slots=True)
class RotatedFile:
    """A rotated file of a log. It is complete, and is not written any more."""

    path: Path
    first_seq: int
    """Number of its first record."""
    size: int
    """Bytes."""
    identity: tuple[int, int]
    """Device and inode."""
    written: float
    """Time of its last write, in seconds since 1970."""

    def open_again(self) -> int:
        """Open this file for a reader, and never another file; return the file descriptor.

        Raises:
            ResourceLostError: The path no longer means this file.
            SessionSharingError: Another system error.
        """
        with system_errors(self.path):
            handle = os.open(self.path, READ_FLAGS)
        if identity_of(os.fstat(handle)) != self.identity:
            os.close(handle)
            raise ResourceLostError(f"{self.path} was replaced by another program.")
        return handle


def rotated_path(log: Path, first_seq: int) -> Path:
    """Return the path of a log's rotated file whose first record has the number `first_seq`."""
    return log.with_name(f"{log.stem}.{first_seq}{log.suffix}")


def is_numbered(name: str) -> bool:
    """Return whether a rotated file could have this name; another log could, too."""
    return _NUMBERED_NAME.fullmatch(name) is not None


def rotated_files(log: Path, before: int | None = None) -> list[RotatedFile]:
    """Return the rotated files of a log, the oldest first.

    A file counts if it has the name of a rotated file, and its first record has the number in this
    name. So another log with such a name does not count.

    Args:
        log: The path of the log itself.
        before: Return only files that begin before this number; None for all. Files that begin
            later belong to an earlier log of the same name.

    Raises:
        OSError: The folder cannot be read.
    """
    found = []
    for name, first_seq in _numbered_names(log):
        if before is None or first_seq < before:
            rotated = _describe(log.with_name(name), first_seq)
            if rotated is not None:
                found.append(rotated)
    return sorted(found, key=lambda rotated: rotated.first_seq)


def log_of(path: Path) -> Path | None:
    """Return the log to which a rotated file belongs; None if the path is not a rotated file."""
    named = _NUMBERED_NAME.fullmatch(path.name)
    if named is None:
        return None
    log = path.with_name(named["stem"] + named["suffix"])
    with contextlib.suppress(OSError), log.open("rb", buffering=0) as live:
        if any(path == rotated.path for rotated in _before(log, live.fileno())):
            return log
    return None


def files_of(log: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the files of a log one after the other: first the rotated files, then `log` itself.

    Raises:
        NotAResourceError: The first bytes of `log` show that it is not a log.
        OSError: The log cannot be read.
    """
    with log.open("rb", buffering=0) as live:
        refuse_foreign(log, live.read(_HEAD))
        for rotated in _before(log, live.fileno()):
            with contextlib.suppress(FileNotFoundError), rotated.path.open("rb") as file:
                yield rotated.path, file
        live.seek(0)
        yield log, io.BufferedReader(live)


def remove_older(
    log: Path, days: float, before: int, may_remove: Callable[[RotatedFile], bool] = lambda _: True
) -> list[Path]:
    """Remove the rotated files of a log that were last written more than `days` ago.

    Remove the oldest files first, and stop at the first file that stays, so that no gap arises.

    Args:
        log: The path of the log itself.
        days: Days since the last write.
        before: Number of the first record in the log itself.
        may_remove: Says whether a file may be removed.

    Returns:
        The paths of the removed files.

    Raises:
        OSError: A file cannot be removed.
    """
    removed = []
    for rotated in rotated_files(log, before):
        if rotated.written > time.time() - days * _DAY or not may_remove(rotated):
            break
        rotated.path.unlink()
        removed.append(rotated.path)
    return removed


def undo_unfinished(log: Path, identity: tuple[int, int]) -> None:
    """Remove the second name that a log has after a crash during a rotation.

    Args:
        log: The path of the log, which this process has locked.
        identity: Device and inode of the open log.

    Raises:
        OSError: The name cannot be removed.
    """
    for name, _ in _numbered_names(log):
        path = log.with_name(name)
        with contextlib.suppress(FileNotFoundError):
            if identity_of(path.lstat()) == identity:
                path.unlink()


def numbers_at_end(rotated: RotatedFile, window: int) -> tuple[list[LineNumbers], bool]:
    """Read the numbers of a rotated file's last lines.

    Args:
        rotated: The file.
        window: Smallest number of bytes to read.

    Returns:
        The numbers, and whether these are all lines of the file.

    Raises:
        SessionSharingError: The file cannot be read.
    """
    handle = rotated.open_again()
    try:
        with system_errors(rotated.path):
            start = start_of_line(handle, max(0, rotated.size - window))
            return numbers_in(read_at(handle, start, rotated.size - start)), start == 0
    finally:
        os.close(handle)


def refuse_rotated(path: Path) -> None:
    """Refuse to write a rotated file.

    Raises:
        NotAResourceError: The path is a rotated file.
    """
    log = log_of(path)
    if log is not None:
        raise NotAResourceError(
            f"{path} is a rotated file of {log.name}. Rotated files are not written any more. "
            f"Open {log.name} instead."
        )


def _before(log: Path, live: int) -> list[RotatedFile]:
    """Return the rotated files that come before the content of a log's open file."""
    facts = os.fstat(live)
    number, _ = first_number(live, 0, facts.st_size, facts.st_size)
    if not number and start_of_line(live, facts.st_size) > 0:
        return []  # whole lines without a number: another program writes it
    found = rotated_files(log, number or None)
    return [rotated for rotated in found if rotated.identity != identity_of(facts)]


def _numbered_names(log: Path) -> Iterator[tuple[str, int]]:
    with os.scandir(log.parent) as folder:
        for entry in folder:
            named = _NUMBERED_NAME.fullmatch(entry.name)
            if named and (named["stem"], named["suffix"]) == (log.stem, log.suffix):
                yield entry.name, int(named["first"])


def _describe(path: Path, first_seq: int) -> RotatedFile | None:
    """Describe a file with the name of a rotated file; return None if it is not one."""
    try:
        handle = os.open(path, READ_FLAGS)
    except OSError:  # it was removed meanwhile, is a link, or may not be read
        return None
    try:
        facts = os.fstat(handle)
        if first_number(handle, 0, facts.st_size, facts.st_size)[0] != first_seq:
            return None
        return RotatedFile(path, first_seq, facts.st_size, identity_of(facts), facts.st_mtime)
    except OSError:  # for example a folder
        return None
    finally:
        os.close(handle)
