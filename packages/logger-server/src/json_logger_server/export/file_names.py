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


class FileNames:
    """Gives each text a name that every system takes for a file, and no two texts the same.

    Letters, digits and a few signs stay; others become `%` and the digits of their UTF-8 bytes.
    Texts that differ only in case or in their Unicode form get `~2`, `~3` and so on.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        for text in texts:
            self.add(text)

    def __getitem__(self, text: str) -> str:
        return self._names[text]

    def add(self, text: str) -> None:
        """Choose a name for a new text."""
        plain = choice = _plain(text)
        number = 1
        while _folded(choice) in self._taken:
            number += 1
            choice = f"{plain}~{number}"
        self._taken.add(_folded(choice))
        self._names[text] = choice


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
