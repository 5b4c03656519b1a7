"""Simulate stations that copy to one store: `stations.py URL STATIONS RATE SECONDS FOLDER`.

Each station appends RATE records a second to a file of its own, and copies it by a forwarder of its
own. The time of a record is the time of its writing, so that the store knows how late it came.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import LogRoots
from json_logger_server.store import Forwarder, StoreOptions, parse_address
from messages import LINE, TIMESTAMP

_TICK = 0.1


class Station:
    """One station with one log, as its server has it."""

    def __init__(self, url: str, name: str, folder: Path) -> None:
        folder.mkdir()
        roots = LogRoots((folder,))
        handle, _ = roots.open(folder / "a.ndjson", create=True)
        self.file = LogFile(handle, folder / "a.ndjson", new=True)
        self.ended = False
        self._seq = 0
        self._name = name
        self._listeners: list[Callable[[object], None]] = []
        self.forwarder = Forwarder(StoreOptions(parse_address(url), name), (folder,))
        self.forwarder.start()
        self.forwarder.follow(self)

    def listen(self, listener: Callable[[object], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: None

    def append(self, count: int) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
        line = LINE[:-1].replace(TIMESTAMP.encode(), now.replace("+00:00", "Z").encode())
        lines = b""
        for _ in range(count):
            self._seq += 1
            lines += line + b',"seq":%d,"client":"%b","client_seq":%d}\n' % (
                self._seq,
                self._name.encode(),
                self._seq,
            )
        self.file.append(lines, sync=False)
        for listener in self._listeners:
            listener(None)

    def end(self) -> None:
        self.ended = True
        for listener in self._listeners:
            listener(None)
        self.forwarder.stop(30.0)
        self.file.close()


def main() -> None:
    url, count, rate, seconds, folder = sys.argv[1:]
    stations = [
        Station(url, f"{Path(folder).name} {n}", Path(folder) / str(n)) for n in range(int(count))
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    each = float(rate) * _TICK
    end = time.monotonic() + float(seconds)
    due, left = time.monotonic(), 0.0
    while time.monotonic() < end:
        left += each
        for station in stations:
            station.append(int(left))
        left -= int(left)
        due += _TICK
        time.sleep(max(0.0, due - time.monotonic()))
    for station in stations:
        station.end()


main()
