"""Measure what ten browsers that watch a log cost the logger, and print a small table.

    python benchmarks/many_readers.py [--pairs 40] [--seconds 4] [--json]

A program logs 10,000 records a second. The processor time of the logger for a record is measured
in pairs of short windows, in turn one and the other first:

- watched: ten browsers watch the log. One of them is Chromium, if this machine has it.
- alone: nothing but the writer uses the logger.

The console and Chromium run all the time, so that the windows differ in nothing else. The exit code
is 1 if the mean of watched / alone shows more than 5 %. The standard error beside it says how much
to believe. Single windows differ by 15 % on a quiet machine, so the 40 pairs of nine minutes are
needed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

SUPPORT = Path(__file__).parents[1] / "tests" / "support"
sys.path[:0] = [str(SUPPORT), str(SUPPORT.parents[2] / "session-sharing" / "tests" / "support")]

from running_station import Console, Station  # noqa: E402 - not installed

RATE = 10_000
READERS = 10
MOST = 1.05
SETTLING = 2.0
"""Seconds between a change and its window: new readers read the history first."""
LOG = "bench.ndjson"
WRITER = (
    f"RATE = {RATE}"
    + """
import sys, time
from json_logger_client import ConnectOptions, JsonLoggerClient
options = ConnectOptions.from_state_file(sys.argv[1])
with JsonLoggerClient(sys.argv[2], connection=options) as log, log.stream() as stream:
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


class Bench:
    """A logger with a writer, a console with browsers, and what is measured of them."""

    def __init__(self, station: Station, stack: ExitStack, seconds: float) -> None:
        """Start everything; it ends with the stack."""
        self._seconds = seconds
        self._logger = psutil.Process(station.start_logger().pid)
        self._console = station.start_console()
        stack.callback(self._console.stop)
        self._file = Path(station.path_of(LOG))
        self._path = f"/records?log={quote(str(self._file))}&name=m&field=outputs.v"
        program = shutil.which("chromium")
        self._page = _chromium(stack, program, self._console) if program else None
        stack.enter_context(_writer(station))
        self.watched: list[float] = []
        """Microseconds of the logger's processor time for a record, in each window."""
        self.alone: list[float] = []
        self.frames: list[float] = []
        """Updates of a page a second."""

    def pair(self, *, watched_first: bool) -> None:
        """Measure both windows once."""
        if watched_first:
            self._measure_watched()
        time.sleep(SETTLING)
        self.alone.append(self._cost())
        if not watched_first:
            self._measure_watched()

    def ratios(self) -> list[float]:
        """Return watched / alone of each pair."""
        return [one / other for one, other in zip(self.watched, self.alone, strict=True)]

    def memory(self) -> float:
        """Return the megabytes that the console uses."""
        return float(psutil.Process(self._console.pid).memory_info().rss) / 1e6

    def _measure_watched(self) -> None:
        with self._readers() as count:
            time.sleep(SETTLING)
            updates, begun = count[0], time.monotonic()
            self.watched.append(self._cost())
            self.frames.append((count[0] - updates) / (time.monotonic() - begun))

    def _cost(self) -> float:
        begun, records = _used(self._logger), _records(self._file)
        time.sleep(self._seconds)
        ended, more = _used(self._logger), _records(self._file)
        return (ended - begun) / (more - records) * 1e6

    @contextmanager
    def _readers(self) -> Iterator[list[int]]:
        """Open the page in ten browsers; yield a list with the updates of the first one."""
        count = [0]
        ended = threading.Event()
        threads = [
            threading.Thread(target=self._read, args=(ended, count if not number else [0]))
            for number in range(READERS - bool(self._page))
        ]
        if self._page:
            self._page.goto(self._console.address + self._path)
        for thread in threads:
            thread.start()
        try:
            yield count
        finally:
            ended.set()
            if self._page:
                self._page.goto("about:blank")
            for thread in threads:
                thread.join()

    def _read(self, ended: threading.Event, count: list[int]) -> None:
        with self._console.visit().live(self._path) as events:
            for event in events:
                count[0] += event.name == "points"
                if ended.is_set():
                    return


def main() -> int:
    """Measure, print the results, and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one window")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("JSON_LOGGER_STATION", "bench")
    with Station() as station, ExitStack() as stack:
        bench = Bench(station, stack, options.seconds)
        for number in range(options.pairs):
            bench.pair(watched_first=bool(number % 2))
        memory = bench.memory()
    ratios = bench.ratios()
    ratio = statistics.mean(ratios)
    error = statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else 0.0
    watched, alone = statistics.median(bench.watched), statistics.median(bench.alone)
    frames = statistics.median(bench.frames)
    if options.json:
        facts = {"watched": watched, "alone": alone, "ratio": ratio, "standard_error": error}
        print(json.dumps({**facts, "frames_per_second": frames, "console_megabytes": memory}))
    else:
        print(f"logger, watched            {watched:8.1f} us a record")
        print(f"logger, alone              {alone:8.1f} us a record")
        print(f"watched to alone           {ratio:8.3f} +- {error:.3f}")
        print(f"updates of a page          {frames:8.1f} a second")
        print(f"memory of the console      {memory:8.0f} MB")
    return int(ratio > MOST)


def _records(file: Path) -> int:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 4096))
        lines = log.read().splitlines()
    return int(json.loads(lines[-2])["seq"])


def _used(process: psutil.Process) -> float:
    """Return the processor time of a process in seconds."""
    tasks = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
    if tasks:  # Linux counts them in nanoseconds; the usual times are multiples of 10 ms
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _writer(station: Station) -> Iterator[None]:
    """Run the program that logs, until the end of the block."""
    command = [sys.executable, "-c", WRITER, str(station.logger_state), LOG]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(SETTLING)
        yield
    finally:
        process.kill()
        process.wait()


def _chromium(stack: ExitStack, program: str, console: Console) -> Any:
    """Return a page of Chromium that may see the console."""
    from playwright.sync_api import sync_playwright

    playwright = stack.enter_context(sync_playwright())
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
    stack.callback(browser.close)
    page = browser.new_page()
    page.goto(console.new_link())
    page.wait_for_url("**/now")
    return page


if __name__ == "__main__":
    sys.exit(main())
