"""Write the files of a project, without touching what its author has changed."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platform_sim.new.errors import NewProjectError


@dataclass(frozen=True, slots=True)
class Merge:
    """What writing the files of a project did, or would do. Paths are relative to the project."""

    new: tuple[str, ...]
    """Files that were not there."""

    different: tuple[str, ...]
    """Files that are there with another content."""

    written: bool
    """Whether the files were written. If not, the folder is as it was."""


def merge(files: Mapping[str, bytes], folder: Path, *, overwrite: bool) -> Merge:
    """Write files into a folder, if none of them is there with another content.

    Args:
        files: Contents by relative path.
        folder: The folder; it is made if it does not exist.
        overwrite: Replace files with another content, too.

    Raises:
        NewProjectError: A file cannot be read or written.
    """
    try:
        there = {name: _content(folder / name) for name in files}
        new = tuple(name for name in files if there[name] is None)
        different = tuple(name for name in files if there[name] not in (None, files[name]))
        if different and not overwrite:
            return Merge(new, different, written=False)
        for name in (*new, *different):
            _write(folder / name, files[name])
    except OSError as error:
        raise NewProjectError(f"{error.filename}: {error.strerror}.") from error
    return Merge(new, different, written=True)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if path.suffix == ".sh":
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
