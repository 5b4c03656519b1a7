"""Measure what ten browsers that watch a log cost the logger, and print a small table.

    python benchmarks/many_readers.py [--seconds 20] [--json]

A program logs 10,000 records a second. The processor time of the logger is measured without
a console and with ten readers, in turns. One of them is Chromium, if this machine has it. The
exit code is 1 if the readers raise it by more than 5 %.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil

SUPPORT = Path(__file__).parents[1] / "tests" / "support"
sys.path[:0] = [str(SUPPORT), str(SUPPORT.parents[2] / "session-sharing" / "tests" / "support")]

from running_station import Console, Station  # noqa: E402 - not installed

RATE = 10_000
READERS = 10
MOST = 1.05
FRAMES = 10.0
WRITER = (
    f"RATE = {RATE}"
    + """
import sys, time
from json_logger_client import ConnectOptions, JsonLoggerClient
options = ConnectOptions.from_state_file(sys.argv[1])
with JsonLoggerClient("bench.ndjson", connection=options) as log, log.stream() as stream:
    begin, number = time.monotonic(), 0
    print("ready", flush=True)
    while True:
        due = int((time.monotonic() - begin) * RATE)
        while number < due:
            stream.log("m", {"range": 10.0}, {"v": number % 97, "site": 3})
            number += 1
        time.sleep(0.01)
"""
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0, help="length of one phase")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("JSON_LOGGER_STATION", "bench")
    with Station() as station:
        logger = psutil.Process(station.start_logger().pid)
        console = station.start_console()
        with _writer(station):
            alone, watched, frames = _measure(station, logger, console, options)
        memory = psutil.Process(console.pid).memory_info().rss / 1e6
    ratio = statistics.median(watched) / statistics.median(alone)
    result = {
        "microseconds_alone": statistics.median(alone),
        "microseconds_watched": statistics.median(watched),
        "ratio": ratio,
        "frames_per_second": frames,
        "console_megabytes": memory,
    }
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{'logger, alone':<28}{result['microseconds_alone']:8.1f} us a record")
        print(f"{f'with {READERS} readers':<28}{result['microseconds_watched']:8.1f} us a record")
        print(f"{'ratio':<28}{ratio:8.3f} (at most {MOST})")
        print(f"{'updates of a page':<28}{frames:8.1f} a second")
        print(f"{'memory of the console':<28}{memory:8.0f} MB")
    return int(ratio > MOST)


def _measure(
    station: Station, logger: psutil.Process, console: Console, options: argparse.Namespace
) -> tuple[list[float], list[float], float]:
    alone, watched, frames = [], [], 0.0
    path = f"/records?log={quote(station.path_of('bench.ndjson'))}&name=m&field=outputs.v"
    _cost(station, logger, 2.0)
    for _ in range(options.turns):
        alone.append(_cost(station, logger, options.seconds))
        with _readers(console, path) as count:
            time.sleep(3)  # the history is read
            before = count[0]
            watched.append(_cost(station, logger, options.seconds))
            frames = (count[0] - before) / options.seconds
        time.sleep(1)
    return alone, watched, frames


def _cost(station: Station, logger: psutil.Process, seconds: float) -> float:
    """Return the microseconds of processor time that the logger takes for a record."""
    file = Path(station.path_of("bench.ndjson"))
    begun, records = logger.cpu_times(), _records(file)
    time.sleep(seconds)
    ended, more = logger.cpu_times(), _records(file)
    used = ended.user + ended.system - begun.user - begun.system
    return used / (more - records) * 1e6


def _records(file: Path) -> int:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 4096))
        lines = log.read().splitlines()
    return int(json.loads(lines[-2])["seq"])


@contextlib.contextmanager
def _writer(station: Station) -> Iterator[None]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(station.logger_state)], stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(1)
        yield
    finally:
        writer.kill()
        writer.wait()


@contextlib.contextmanager
def _readers(console: Console, path: str) -> Iterator[list[int]]:
    """Open the page in ten browsers; yield a list with the updates of the first one."""
    count = [0]
    ended = threading.Event()
    program = shutil.which("chromium")
    with contextlib.ExitStack() as stack:
        threads = [
            threading.Thread(target=_read, args=(console, path, ended, count if not n else [0]))
            for n in range(READERS - bool(program))
        ]
        if program:
            _chromium(stack, program, console, path)
        for thread in threads:
            thread.start()
        try:
            yield count
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def _read(console: Console, path: str, ended: threading.Event, count: list[int]) -> None:
    with console.visit().live(path) as events:
        for event in events:
            count[0] += event.name == "points"
            if ended.is_set():
                return


def _chromium(stack: contextlib.ExitStack, program: str, console: Console, path: str) -> None:
    from playwright.sync_api import sync_playwright

    playwright = stack.enter_context(sync_playwright())
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
    stack.callback(browser.close)
    page = browser.new_page()
    page.goto(console.new_link())
    page.wait_for_url("**/now")
    page.goto(console.address + path)


if __name__ == "__main__":
    sys.exit(main())
