"""Name the files of tables by measurement names, which can be any text."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable

_LONGEST = 150
"""Bytes of a file's name without its ending; systems allow 255 in all."""
_ALSO_PLAIN = frozenset(" -_()+,=")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
"""Names that Windows keeps for devices."""


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name a different text that every system takes as the name of a file.

    Letters, digits and a few signs stay; others become `%` and the digits of their UTF-8 bytes.
    Names that differ only in case or in their Unicode form get `~2`, `~3` and so on.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = _plain(name)
        choice, number = plain, 1
        while _folded(choice) in taken:
            number += 1
            choice = f"{plain}~{number}"
        taken.add(_folded(choice))
        found[name] = choice
    return found


def _plain(name: str) -> str:
    text = "".join(map(_escaped, name)) or "%"
    if text[0] in " -" or text.split(".")[0].strip().casefold() in _DEVICES:
        text = f"%{ord(text[0]):02X}{text[1:]}"
    if text[-1] == " ":
        text = f"{text[:-1]}%20"
    if len(text.encode()) <= _LONGEST:
        return text
    short = text.encode()[: _LONGEST - 9].decode(errors="ignore")
    return f"{short}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _escaped(char: str) -> str:
    if char.isalnum() or char in _ALSO_PLAIN:
        return char
    return "".join(f"%{byte:02X}" for byte in char.encode())


def _folded(name: str) -> str:
    """Return the same text for names that a file system may take for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", name).casefold())
