"""Recognise by their first bytes files that are not logs: compressed ones, and other encodings."""

from __future__ import annotations

import codecs
from pathlib import Path

from session_sharing import NotAResourceError

_UTF_8 = "begins with a byte order mark; save it as UTF-8 without one"
_UTF_16 = "is text in UTF-16; save it as UTF-8"
_MARKS = {
    codecs.BOM_UTF8: _UTF_8,
    codecs.BOM_UTF16_LE: _UTF_16,
    codecs.BOM_UTF16_BE: _UTF_16,
    b"\x1f\x8b": "is compressed by gzip; unpack it first",
    b"BZh": "is compressed by bzip2; unpack it first",
    b"\xfd7zXZ\0": "is compressed by xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; unpack it first",
    b"PK\x03\x04": "is a ZIP archive; unpack it first",
}


def refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes show that it is not a log.

    Raises:
        NotAResourceError: The file is not a log; the message says what to do.
    """
    for mark, verdict in _MARKS.items():
        if head.startswith(mark):
            raise NotAResourceError(f"{path} {verdict}.")
