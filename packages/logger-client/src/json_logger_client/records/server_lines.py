"""Recognise lines as the server writes them, so that a fast JSON reader can take them.

What looks unusual is left to the reader of Python, which knows all cases.
"""

from __future__ import annotations

import re

_LINE = re.compile(
    rb'^\{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z","measurement_name":"([^"\\]*)",'
    rb'"measurement_configurations":\{[^\n]*\n',
    re.MULTILINE,
)


def lines_by_name(data: bytes) -> dict[str, bytes] | None:
    """Return the lines of each measurement; None if a line is unusual in any way.

    Texts that are not UTF-8 are unusual, too: a fast reader may not notice them.
    """
    found: dict[bytes, list[bytes]] = {}
    count = 0
    for line in _LINE.finditer(data):
        found.setdefault(line[1], []).append(line[0])
        count += 1
    if count != data.count(b"\n") or not data.endswith(b"\n"):
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return {name.decode("utf-8"): b"".join(lines) for name, lines in found.items()}
