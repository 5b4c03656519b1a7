"""Keep the rotated files of a log: remove old ones, read their numbers, and never write them."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from json_logger_proto.log_files.lines import LineNumbers, numbers_in, read_at, start_of_line
from json_logger_proto.log_files.opening import identity_of
from json_logger_proto.log_files.rotated import (
    RotatedFile,
    log_of,
    numbered_names,
    rotated_files,
)
from session_sharing import NotAResourceError

from json_logger_server.storage.paths import system_errors

_DAY = 24 * 3600


def remove_older(log: Path, days: float, before: int) -> list[Path]:
    """Remove the rotated files of a log that were last written more than `days` ago.

    Remove the oldest files first, and stop at the first younger file, so that no gap arises.

    Args:
        log: The path of the log itself.
        days: Days since the last write.
        before: Number of the first record in the log itself.

    Returns:
        The paths of the removed files.

    Raises:
        OSError: A file cannot be removed.
    """
    removed = []
    for rotated in rotated_files(log, before):
        if rotated.written > time.time() - days * _DAY:
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
    for name, _ in numbered_names(log):
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
