"""Find the files that a reader's argument means, and read their whole lines."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from json_logger_proto.log_files.foreign import refuse_foreign
from json_logger_proto.log_files.lines import (
    NEWLINE,
    end_of_line,
    is_object,
    read_at,
    start_of_line,
)
from json_logger_proto.log_files.rotated import files_before, log_of, rotated_files
from json_logger_proto.log_format import LOG_SUFFIXES, WaveformReference
from session_sharing import (
    InvalidArgumentError,
    NotPermittedError,
    ResourceLostError,
    ResourceNotFoundError,
)
from session_sharing.opening import identity_of

_CHUNK = 1024 * 1024
_HEAD = 512


class WaveformSource(Protocol):
    """Has the waveforms of a log, but not in a file of this host."""

    @property
    def name(self) -> str:
        """Name of the log for messages."""
        ...

    def read(self, reference: WaveformReference) -> bytearray | None:
        """Return the bytes of the samples; None if they are not there.

        Raises:
            SessionSharingError: They cannot be read.
        """
        ...


class Lines(NamedTuple):
    """Some whole lines of one file."""

    data: bytes
    log: str
    """Path of the log."""
    file: str
    """Path of the file; empty if a server sent the lines."""
    first_line: int
    """Number of the first line in its file, from 1."""
    waveforms: WaveformSource | None = None
    """What reads their waveforms; None for files beside the log."""


class Source(Protocol):
    """The lines of one or several logs, up to a fixed end. It can be read again and again."""

    @property
    def size(self) -> int:
        """Number of bytes in all."""
        ...

    @property
    def logs(self) -> int:
        """Number of logs."""
        ...

    def lines(self) -> Iterator[Lines]:
        """Yield the lines, some at a time.

        Raises:
            SessionSharingError: A file cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of a log, up to the last whole line that it had."""

    log: Path
    path: Path
    size: int
    identity: tuple[int, int]


class FileSource:
    """The lines that some logs on disk have now. Lines that are written later are not read."""

    def __init__(self, logs: Iterable[Path]) -> None:
        """Note the files of each log, and how many bytes each of them has.

        Raises:
            SessionSharingError: A log does not exist, is not a log, or cannot be read.
        """
        self._logs = list(logs)
        self._parts = [part for log in self._logs for part in _parts_of(log)]

    @property
    def size(self) -> int:
        """Number of bytes in all."""
        return sum(part.size for part in self._parts)

    @property
    def logs(self) -> int:
        """Number of logs."""
        return len(self._logs)

    def lines(self) -> Iterator[Lines]:
        """Yield the lines, some at a time, in the order of the files.

        Raises:
            ResourceLostError: A file was removed, replaced or shortened meanwhile.
            SessionSharingError: A file cannot be read.
        """
        for part in self._parts:
            yield from _lines_of(part)


def find_logs(source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the logs that a path, a pattern such as `logs/*.ndjson`, or a list of these means.

    A pattern finds the files whose names end like that of a log. The rotated files belong to their
    log, and are not logs of their own.

    Raises:
        InvalidArgumentError: There is no path, or one is a folder.
        ResourceNotFoundError: A file does not exist, or a pattern finds none.
    """
    wanted = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not wanted:
        raise InvalidArgumentError("Name at least one log.")
    found = [path for one in wanted for path in _matching(os.fspath(one))]
    return list(dict.fromkeys(found))


def _matching(wanted: str) -> list[Path]:
    path = Path(wanted)
    if path.is_dir():
        raise InvalidArgumentError(
            f"{wanted} is a folder. Name its logs, for example {path / '*.ndjson'}."
        )
    if path.exists() or not glob.has_magic(wanted):
        return [path]
    names = sorted(glob.glob(wanted, recursive=True))  # noqa: PTH207 - a pattern can be absolute
    found = [Path(name) for name in names if name.endswith(LOG_SUFFIXES)]
    logs = [log for log in found if log.is_file() and log_of(log) is None]
    if not logs:
        raise ResourceNotFoundError(f"The pattern {wanted} finds no log.")
    return logs


def _parts_of(log: Path) -> Iterator[_Part]:
    with read_errors(log), log.open("rb", buffering=0) as live:
        refuse_foreign(log, live.read(_HEAD))
        for rotated in files_before(log, live.fileno()):
            yield _Part(log, rotated.path, rotated.size, rotated.identity)
        facts = os.fstat(live.fileno())
        end = _end_of_records(live.fileno(), facts.st_size)
        yield _Part(log, log, end, identity_of(facts))


def _end_of_records(handle: int, size: int) -> int:
    """Return the offset after the last record, which may lack its newline."""
    whole = start_of_line(handle, size)
    return size if whole < size and is_object(read_at(handle, whole, size - whole)) else whole


def _lines_of(part: _Part) -> Iterator[Lines]:
    handle, path = _open(part)
    try:
        position, line = 0, 1
        while position < part.size:
            with read_errors(path):
                data = _read_lines(handle, position, part.size)
            if not data:
                raise ResourceLostError(f"{path} was shortened while it was read. Read it again.")
            yield Lines(data, str(part.log), str(path), line)
            position += len(data)
            line += data.count(NEWLINE)
    finally:
        os.close(handle)


def _read_lines(handle: int, position: int, size: int) -> bytes:
    """Read some whole lines; only the last line of a file may lack its newline.

    Returns:
        The lines; nothing if the file has fewer than `size` bytes.
    """
    wanted = min(_CHUNK, size - position)
    data = read_at(handle, position, wanted)
    if position + len(data) == size:
        return data
    if len(data) < wanted:
        return b""
    end = data.rfind(NEWLINE) + 1
    if end:
        return data[:end]
    end = end_of_line(handle, position + len(data), size)
    return read_at(handle, position, end - position)


def _open(part: _Part) -> tuple[int, Path]:
    """Open a file again, also if it was rotated since; return its descriptor and present path."""
    candidates = [part.path]
    with read_errors(part.path):
        if part.path == part.log:
            same = (file.path for file in rotated_files(part.log) if file.identity == part.identity)
            candidates += same
        for path in candidates:
            handle = _open_if_same(path, part.identity)
            if handle is not None:
                return handle, path
    raise ResourceLostError(
        f"{part.path} was removed or replaced while it was read. Read the log again."
    )


def _open_if_same(path: Path, identity: tuple[int, int]) -> int | None:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    if identity_of(os.fstat(handle)) == identity:
        return handle
    os.close(handle)
    return None


@contextlib.contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Raise the system's errors about reading a file as errors of session sharing."""
    try:
        yield
    except FileNotFoundError as error:
        raise ResourceNotFoundError(f"There is no file {path}.") from error
    except PermissionError as error:
        raise NotPermittedError(f"{path} cannot be read: {error.strerror}.") from error
    except OSError as error:
        raise ResourceLostError(f"{path} cannot be read: {error.strerror or error}.") from error
