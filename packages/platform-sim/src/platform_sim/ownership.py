"""Check whether other users could change the files that are about to run."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path


def why_not_trusted(file: Path, remedy: str, *, follows: bool = True) -> str:
    """Return the reason why other users could change a file or replace it.

    A file is trusted if it and all folders above it belong to this user or root, and no other user
    may write to them. Folders such as /tmp, in which only owners replace files, are trusted, too.

    Args:
        file: The file.
        remedy: How to fix it. This text follows the reason.
        follows: False does not check the target of a link, because the owner of the link chose
            it, such as the Python of a virtual environment.

    Returns:
        The reason and the remedy; "" for a trusted file, for a missing one, and on Windows.
    """
    real = file.resolve() if follows else file.parent.resolve() / file.name
    for path in (real, *real.parents, *file.absolute().parents):
        try:
            facts = path.stat() if path != real else path.lstat()
        except OSError:
            continue
        reason = _reason(facts)
        if reason:
            return f"{path} {reason}. {remedy}"
    return ""


def _reason(facts: os.stat_result) -> str:
    if sys.platform == "win32" or stat.S_ISLNK(facts.st_mode):
        return ""  # the owner of a link has no rights over it: its folder decides who changes it
    if facts.st_uid not in (0, os.geteuid()):
        return f"belongs to another user (id {facts.st_uid})"
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX:
        return ""
    by_group = facts.st_mode & stat.S_IWGRP and not _is_own_group(facts.st_gid)
    return "can be changed by other users" if by_group or facts.st_mode & stat.S_IWOTH else ""


def _is_own_group(number: int) -> bool:
    """Return whether a group contains only this user. Some systems make such a group for each."""
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(number), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
