"""Find the pin maps that a user may choose. No other file is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_SUFFIX = ".pinmap"
_LEFT_OUT = ("site-packages", "node_modules", "__pycache__")
_DEEPEST = 4
_MOST_FOLDERS = 2_000
MOST_FILES = 500


class PinMapFiles:
    """The .pinmap files in some folders. The folders are read again for each form."""

    def __init__(self, places: Sequence[Path]) -> None:
        """Name the places.

        Args:
            places: Pin maps, and folders that are searched four levels deep.
        """
        self._places = [place.absolute() for place in places]

    def paths(self) -> list[str]:
        """Return the absolute paths of the pin maps, sorted. Hidden folders are left out."""
        found: set[str] = set()
        for place in self._places:
            if place.suffix.lower() == _SUFFIX and place.is_file():
                found.add(str(place))
            elif place.is_dir():
                found.update(_search(place))
        return sorted(found)[:MOST_FILES]


def _search(top: Path) -> list[str]:
    found = []
    for count, (name, folders, files) in enumerate(os.walk(top)):
        depth = len(Path(name).relative_to(top).parts)
        if count >= _MOST_FOLDERS:
            break
        if "pyvenv.cfg" in files or depth >= _DEEPEST:
            folders.clear()
        folders[:] = [one for one in folders if one[0] != "." and one not in _LEFT_OUT]
        found += [str(Path(name) / one) for one in files if one.lower().endswith(_SUFFIX)]
    return found
