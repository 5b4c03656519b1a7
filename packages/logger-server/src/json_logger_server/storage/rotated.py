"""Keep the rotated files of a log: remove old ones, read their numbers, and never write them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from json_logger_proto.log_files.lines import LineNumbers, numbers_in, read_at, start_of_line
from json_logger_proto.log_files.rotated import (
    RotatedFile,
    log_of,
    numbered_names,
    rotated_files,
    waveforms_of,
)
from session_sharing import NotAResourceError
from session_sharing.file_errors import system_errors
from session_sharing.opening import identity_of

_DAY = 24 * 3600


def have_waveforms(log: Path, identity: tuple[int, int]) -> bool:
    """Return whether the waveforms with this device and inode belong to a rotated file of a log.

    Raises:
        OSError: The folder cannot be read.
    """
    return any(
        _identity_at(waveforms_of(log.with_name(name))) == identity
        for name, _ in numbered_names(log)
    )


def remove_older(
    log: Path, days: float, before: int, may_remove: Callable[[RotatedFile], bool] = lambda _: True
) -> list[Path]:
    """Remove the rotated files of a log, with their waveforms, that were last written long ago.

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
        waveforms_of(rotated.path).unlink(missing_ok=True)
        rotated.path.unlink()
        removed.append(rotated.path)
    return removed


def undo_unfinished(log: Path, identity: tuple[int, int]) -> None:
    """Remove the second names that a log and its waveforms have after a crash during a rotation.

    Args:
        log: The path of the log, which this process has locked.
        identity: Device and inode of the open log.

    Raises:
        OSError: The name cannot be removed.
    """
    for name, _ in numbered_names(log):
        path = log.with_name(name)
        with contextlib.suppress(FileNotFoundError):
            if identity_of(path.lstat()) == identity:
                if _are_one_file(waveforms_of(path), waveforms_of(log)):
                    waveforms_of(path).unlink()
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
    with system_errors(rotated.path):
        handle = rotated.open_again()
        try:
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


def _are_one_file(first: Path, second: Path) -> bool:
    found = _identity_at(first)
    return found is not None and found == _identity_at(second)


def _identity_at(path: Path) -> tuple[int, int] | None:
    try:
        return identity_of(path.lstat())
    except OSError:
        return None
