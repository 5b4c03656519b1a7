"""Write log files as the client and the server do, without a server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from json_logger_client.encoding import encode_record

Record = tuple[str, Mapping[str, Any], Mapping[str, Any]]


def lines_of(records: Iterable[Record], first_seq: int = 1, **fields: Any) -> list[bytes]:
    """Encode records with their numbers, and with more fields of the record."""
    found = []
    for seq, record in enumerate(records, start=first_seq):
        line = encode_record(*record).line
        facts = {"seq": seq, "client": "c", "client_seq": seq, "writer": "plug-in, pid 7", **fields}
        found.append(line[:-1] + b"," + json.dumps(facts).encode()[1:] + b"\n")
    return found


def write_log(path: Path, *records: Record, first_seq: int = 1, **fields: Any) -> Path:
    """Write a log of these records."""
    path.write_bytes(b"".join(lines_of(records, first_seq, **fields)))
    return path
