"""Compare the versions of services."""

from __future__ import annotations

import re

UNSET_VERSION = "0.0.1"
"""Stands for "no version". discovery_service.proto reserves it for this use."""


def effective_version(version: str) -> str:
    """Return the version to register. The SDK sends "" if its .serviceconfig has no version."""
    return version.strip() or UNSET_VERSION


def version_key(version: str) -> tuple[tuple[int, ...], str]:
    """Return a key that sorts versions by their numbers, then by the text after the numbers.

    The format is major.minor.patch. Versions of four and more numbers exist and sort the same way.
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = tuple(int(part) for part in match[0].split(".")) if match else ()
    return numbers, version[match.end() :] if match else version
