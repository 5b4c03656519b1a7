"""Logs for tests of a store, and a forwarder in this process that copies a folder of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from json_logger_server.store import Forwarder, StoreOptions, parse_address
from store_database import STATION

_PATIENCE = 240.0


def line(seq: int, name: str = "voltage", **more: object) -> bytes:
    """Return a line as the server writes it."""
    moment = f"2026-03-01T{seq // 3600 % 24:02}:{seq // 60 % 60:02}:{seq % 60:02}.{seq % 10**6:06}Z"
    record: dict[str, object] = {
        "timestamp": moment,
        "measurement_name": name,
        "measurement_configurations": {"range": 10},
        "measurement_outputs": {"v": seq / 8},
        "seq": seq,
        "client": "c" * 32,
        "client_seq": seq,
        "writer": "test",
    }
    return json.dumps({**record, **more}, ensure_ascii=False, separators=(",", ":")).encode()


def write_log(path: Path, lines: Iterable[bytes]) -> None:
    """Append lines to a file that nobody has open: its last write seems to be long ago."""
    with path.open("ab") as file:
        for written in lines:
            file.write(written + b"\n")
    long_ago = time.time() - 60
    os.utime(path, (long_ago, long_ago))


def write_records(path: Path, first: int, last: int, name: str = "voltage") -> None:
    """Append records with these numbers."""
    write_log(path, (line(seq, name) for seq in range(first, last + 1)))


@contextmanager
def copying(folder: Path, url: str, station: str = STATION) -> Iterator[Forwarder]:
    """Copy the logs of a folder during the block."""
    forwarder = Forwarder(StoreOptions(parse_address(url), station), (folder,))
    forwarder.start()
    try:
        yield forwarder
    finally:
        forwarder.stop(5.0)


def until(what: str, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after a long time."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.01)


def copy_all(folder: Path, url: str, station: str = STATION) -> Forwarder:
    """Copy the logs of a folder until nothing more can be copied now."""
    with copying(folder, url, station) as forwarder:
        figures = forwarder.figures
        until("everything is copied", lambda: figures.searches > 0 and not figures.waiting_logs)
    return forwarder
