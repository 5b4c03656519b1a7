"""The files that a user keeps in a folder, without what tools put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LEFT_OUT = ("site-packages", "node_modules", "__pycache__")


def walk_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below it.

    Hidden folders, Python environments and what is installed in them are left out.
    """
    seen: set[Path] = set()
    for name, folders, names in os.walk(folder.resolve(), followlinks=True):
        here = Path(name)
        if "pyvenv.cfg" in names or here.resolve() in seen:  # the latter for links in a circle
            folders.clear()
            continue
        seen.add(here.resolve())
        folders[:] = [one for one in folders if one[0] != "." and one not in _LEFT_OUT]
        yield from (here / one for one in names)
