"""Name files of any host."""

from __future__ import annotations


def file_name(path: str) -> str:
    """Return the name of a file; its host may be one with other paths than this host."""
    return path.replace("\\", "/").rpartition("/")[2]
