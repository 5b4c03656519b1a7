"""Refuse names that mean a device or a data stream on Windows, and write long paths for it."""

from __future__ import annotations

import re
from pathlib import PureWindowsPath

from session_sharing.core.errors import InvalidArgumentError

_LONGEST_PART = 255
_LONGEST_PLAIN = 200
"""A plain path has at most 260 characters; servers put files with longer names beside it."""

_FORBIDDEN = re.compile(r'[\x00-\x1f<>"|?*]')

# Windows takes these for devices in every folder, whatever their suffix.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])[ .]*(?:\..*)?",
    re.IGNORECASE,
)

_VERBATIM_SHARE = re.compile(r"[\\/]{2}\?[\\/]UNC[\\/]", re.IGNORECASE)
_VERBATIM_DRIVE = re.compile(r"[\\/]{2}[?.][\\/](?=[a-z]:[\\/])", re.IGNORECASE)
_VERBATIM = re.compile(r"[\\/]{2}[?.][\\/]")


def plain_name(name: str) -> str:
    r"""Return the name in its plain form: without ``\\?\``, which asks for no translation.

    Raises:
        InvalidArgumentError: It means a device, an alternate data stream, or Windows would change
            it, or refuse it.
    """
    name = without_prefix(name)
    if _VERBATIM.match(name):
        raise InvalidArgumentError(f"{name!r} means a device. Name a file.")
    path = PureWindowsPath(name)
    for part in path.parts[1:] if path.anchor else path.parts:
        if part != ".." and (problem := _problem(part)):
            raise InvalidArgumentError(f"{name!r} is not a usable path: {problem}.")
    return name


def without_prefix(path: str) -> str:
    r"""Return a path without ``\\?\``, if it then still means a file."""
    if _VERBATIM_SHARE.match(path):
        return "\\\\" + _VERBATIM_SHARE.sub("", path, count=1)
    return _VERBATIM_DRIVE.sub("", path, count=1)


def with_prefix_if_long(path: str) -> str:
    r"""Return an absolute path with ``\\?\`` if Windows could take it only in this form."""
    if len(path) <= _LONGEST_PLAIN or _VERBATIM.match(path):
        return path
    if path.startswith("\\\\"):
        return "\\\\?\\UNC\\" + path[2:]
    return "\\\\?\\" + path


def _problem(part: str) -> str | None:
    """Return why the name of one folder or file is refused; None if it is not."""
    if ":" in part:
        return "a colon would begin an alternate data stream"
    if _FORBIDDEN.search(part):
        return f"Windows has no file names with {_FORBIDDEN.findall(part)[0]!r}"
    if part.endswith((".", " ")):
        return "Windows would cut off the dots and blanks at the end of a name"
    if _DEVICE.fullmatch(part):
        return f"Windows takes {part!r} for a device"
    if len(part) > _LONGEST_PART:
        return f"the name {part[:40]}… is too long"
    return None
