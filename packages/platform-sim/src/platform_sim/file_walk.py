"""Find the user's own files in a folder, without the files of tools."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LEFT_OUT = ("site-packages", "node_modules", "__pycache__")


def walk_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders.

    Hidden folders and Python environments with their packages are left out.
    """
    seen: set[Path] = set()
    for name, folders, names in os.walk(folder.resolve(), followlinks=True):
        here = Path(name)
        if "pyvenv.cfg" in names or here.resolve() in seen:  # `seen` ends circles of links
            folders.clear()
            continue
        seen.add(here.resolve())
        folders[:] = [one for one in folders if one[0] != "." and one not in _LEFT_OUT]
        yield from (here / one for one in names)
