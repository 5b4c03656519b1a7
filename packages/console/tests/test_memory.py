"""The memory of a console stays flat while many browsers watch a fast log."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import psutil
import pytest
from running_station import Console, Station

SECONDS = float(os.environ.get("CONSOLE_SOAK_SECONDS", "600"))
READERS = 10
MOST_GROWTH = 1.15
_WRITER = """
import sys, time
from json_logger_client import ConnectOptions, JsonLoggerClient
options = ConnectOptions.from_state_file(sys.argv[1])
with JsonLoggerClient("soak.ndjson", connection=options) as log, log.stream() as stream:
    begin, number = time.monotonic(), 0
    while True:
        while number < (time.monotonic() - begin) * 10_000:
            stream.log(f"m{number % 3}", {"range": 10.0}, {"v": number % 97, "site": 3})
            number += 1
        time.sleep(0.01)
"""


@pytest.mark.soak
def test_ten_readers_of_a_fast_log_leave_the_memory_flat(station: Station) -> None:
    station.start_logger()
    console = station.start_console()
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(station.logger_state)])
    ended = threading.Event()
    path = f"/records?log={quote(station.path_of('soak.ndjson'))}&name=m1&field=outputs.v"
    readers = [threading.Thread(target=_read, args=(console, path, ended)) for _ in range(READERS)]
    try:
        time.sleep(3)
        for reader in readers:
            reader.start()
        process = psutil.Process(console.pid)
        time.sleep(SECONDS / 4)
        early = process.memory_info().rss
        time.sleep(SECONDS * 3 / 4)
        late = process.memory_info().rss
    finally:
        ended.set()
        writer.kill()
        writer.wait()
        for reader in readers:
            reader.join(60)
    assert late < early * MOST_GROWTH, f"{early / 1e6:.0f} MB, then {late / 1e6:.0f} MB"
    console.check_unharmed()


def _read(console: Console, path: str, ended: threading.Event) -> None:
    with console.visit().live(path) as events:
        for _ in events:
            if ended.is_set():
                return
