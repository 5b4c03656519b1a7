"""Order of service versions."""

from __future__ import annotations

import re

UNSET_VERSION = "0.0.1"
"""Stands for a service without a version; reserved for this use by discovery_service.proto."""


def effective_version(version: str) -> str:
    """Returns the version to register under; the SDK sends "" when its .serviceconfig has none."""
    return version.strip() or UNSET_VERSION


def version_key(version: str) -> tuple[tuple[int, ...], str]:
    """Returns a key that sorts versions by their numbers, then by what follows the numbers.

    The format is major.minor.patch; four and more numbers are in use and sort likewise.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = tuple(int(part) for part in match[0].split(".")) if match else ()
    return numbers, version[match.end() :] if match else version
