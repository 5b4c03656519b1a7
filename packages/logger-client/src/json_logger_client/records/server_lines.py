"""Recognise lines as the server writes them, so that a fast JSON reader can take them.

What looks unusual is left to the reader of Python, which knows all cases.
"""

from __future__ import annotations

import re
from collections import defaultdict

_LINE = re.compile(
    rb'^(\{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z",'
    rb'"measurement_name":"([^"\\]*)","measurement_configurations":\{.*\n)',
    re.MULTILINE,
)


def lines_by_name(data: bytes) -> dict[str, bytes] | None:
    """Return the lines of each measurement; None if a line is unusual in any way.

    Texts that are not UTF-8 are unusual, too: a fast reader may not notice them.
    """
    parts = defaultdict[bytes, list[bytes]](list)
    for line, name in _LINE.findall(data):
        parts[name].append(line)
    found = {name: b"".join(lines) for name, lines in parts.items()}
    if sum(map(len, found.values())) < len(data):
        return None
    try:
        if not data.isascii():
            data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return {name.decode("utf-8"): lines for name, lines in found.items()}
