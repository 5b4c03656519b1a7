"""Find and read the rotated files of a log: `NAME.<first seq>.ndjson`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from session_sharing import ResourceLostError
from session_sharing.opening import READ_FLAGS, identity_of

from json_logger_proto.log_files.foreign import refuse_foreign
from json_logger_proto.log_files.lines import first_number, start_of_line
from json_logger_proto.log_format import first_seq_in_name, log_name, waveform_file_name

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
            OSError: The file cannot be opened.
        """
        handle = os.open(self.path, READ_FLAGS)
        if identity_of(os.fstat(handle)) != self.identity:
            os.close(handle)
            raise ResourceLostError(f"{self.path} was replaced by another program.")
        return handle


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
    for name, first_seq in numbered_names(log):
        if before is None or first_seq < before:
            rotated = _describe(log.with_name(name), first_seq)
            if rotated is not None:
                found.append(rotated)
    return sorted(found, key=lambda rotated: rotated.first_seq)


@lru_cache(maxsize=1024)
def waveforms_of(log: Path) -> Path:
    """Return the path of the waveforms of a log, or of a rotated file."""
    return log.with_name(waveform_file_name(log.name))


def log_of(path: Path) -> Path | None:
    """Return the log to which a rotated file belongs; None if the path is not a rotated file."""
    name = log_name(path.name)
    if not name:
        return None
    log = path.with_name(name)
    with contextlib.suppress(OSError), log.open("rb", buffering=0) as live:
        if any(path == rotated.path for rotated in files_before(log, live.fileno())):
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
        for rotated in files_before(log, live.fileno()):
            with contextlib.suppress(FileNotFoundError), rotated.path.open("rb") as file:
                yield rotated.path, file
        live.seek(0)
        yield log, io.BufferedReader(live)


def numbered_names(log: Path) -> Iterator[tuple[str, int]]:
    """Yield the names beside a log that can be those of its rotated files, with their numbers.

    Raises:
        OSError: The folder cannot be read.
    """
    with os.scandir(log.parent) as folder:
        for entry in folder:
            if log_name(entry.name) == log.name:
                yield entry.name, first_seq_in_name(entry.name)


def files_before(log: Path, live: int) -> list[RotatedFile]:
    """Return the rotated files that come before the content of a log's open file.

    Args:
        log: The path of the log itself.
        live: The file descriptor of the open file.

    Raises:
        OSError: A file or the folder cannot be read.
    """
    facts = os.fstat(live)
    number, _ = first_number(live, 0, facts.st_size, facts.st_size)
    if not number and start_of_line(live, facts.st_size) > 0:
        return []  # whole lines without a number: another program writes it
    found = rotated_files(log, number or None)
    return [rotated for rotated in found if rotated.identity != identity_of(facts)]


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
