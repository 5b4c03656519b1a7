"""Measure what ten browsers that watch a log cost the logger, and print a small table.

    python benchmarks/many_readers.py [--rounds 12] [--seconds 10] [--json]

A program logs 10,000 records a second. The processor time of the logger for a record is measured
in rounds of three short windows, each time in another order:

- alone: nothing but the writer uses the logger.
- watched: ten browsers watch the log. One of them is Chromium, if this machine has it.
- busy: nobody watches, but other programs use as much processor time as the browsers and the
  console did. It shows what only a busy machine changes: shared caches make a record dearer, and
  processors that never sleep make it cheaper.

The exit code is 1 if the median of watched / alone shows more than 5 %. The spread beside it, half
the distance of the quartiles, says how much to believe: on a machine with other work it is larger
than the 5 %.
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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from urllib.parse import quote

import psutil

SUPPORT = Path(__file__).parents[1] / "tests" / "support"
sys.path[:0] = [str(SUPPORT), str(SUPPORT.parents[2] / "session-sharing" / "tests" / "support")]

from running_station import Console, Station  # noqa: E402 - not installed

RATE = 10_000
READERS = 10
MOST = 1.05
SETTLING = 2.0
"""Seconds between the start of the readers and their window: they read the history first."""
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
BURNER = """
import sys, time
share = float(sys.argv[1])
print("ready", flush=True)
while True:
    begin = time.monotonic()
    while time.monotonic() - begin < 0.01 * share:
        sum(bytes(1000))
    time.sleep(0.01 * (1 - share))
"""
WINDOWS = ("watched", "busy", "alone")


class Bench:
    """A logger with a writer, and what is measured of it."""

    def __init__(self, station: Station, seconds: float) -> None:
        self._station = station
        self._seconds = seconds
        self._logger = psutil.Process(station.start_logger().pid)
        self._log = ""
        self._others: list[float] = []
        """Processor seconds a second of the browsers and the console, in each watched window."""
        self.costs: dict[str, list[float]] = {name: [] for name in WINDOWS}
        self.frames: list[float] = []
        """Updates of a page a second."""
        self.memory = 0
        """Of the console, in bytes."""

    def round(self, number: int) -> None:
        """Measure each window once. The writer begins a new log, so that its history is short."""
        self._log = f"bench{number}.ndjson"
        kinds: dict[str, Callable[[], AbstractContextManager[None]]] = {
            "watched": self._watched,
            "busy": self._busy,
            "alone": contextlib.nullcontext,
        }
        first = number % len(WINDOWS) if number else 0  # `busy` needs one that was watched
        with _process(WRITER, str(self._station.logger_state), self._log):
            for name in WINDOWS[first:] + WINDOWS[:first]:
                with kinds[name]():
                    time.sleep(SETTLING)
                    self.costs[name].append(self._cost())

    def ratio(self, above: str, below: str) -> tuple[float, float]:
        """Return the median ratio of two windows of one round, and half its quartiles' distance."""
        pairs = zip(self.costs[above], self.costs[below], strict=True)
        ratios = [one / other for one, other in pairs]
        low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        return statistics.median(ratios), (high - low) / 2

    def _cost(self) -> float:
        """Return the microseconds of processor time that the logger takes for a record."""
        file = Path(self._station.path_of(self._log))
        begun, records = _used(self._logger), _records(file)
        time.sleep(self._seconds)
        ended, more = _used(self._logger), _records(file)
        return (ended - begun) / (more - records) * 1e6

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        console = self._station.start_console()
        path = f"/records?log={quote(self._station.path_of(self._log))}&name=m&field=outputs.v"
        try:
            with _readers(console, path) as count:
                time.sleep(SETTLING)
                own = [psutil.Process(console.pid), *_browsers()]
                before, updates, begun = sum(map(_used, own)), count[0], time.monotonic()
                yield
                length = time.monotonic() - begun
                self._others.append((sum(map(_used, own)) - before) / length)
                self.frames.append((count[0] - updates) / length)
                self.memory = own[0].memory_info().rss
        finally:
            console.stop()

    @contextlib.contextmanager
    def _busy(self) -> Iterator[None]:
        load = statistics.mean(self._others)
        burners = int(load) + 1
        with ExitStack() as stack:
            for _ in range(burners):
                stack.enter_context(_process(BURNER, str(load / burners)))
            yield


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0, help="length of one window")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("JSON_LOGGER_STATION", "bench")
    with Station() as station:
        bench = Bench(station, options.seconds)
        for number in range(options.rounds):
            bench.round(number)
    ratios = {
        "watched_to_busy": bench.ratio("watched", "busy"),
        "watched_to_alone": bench.ratio("watched", "alone"),
        "busy_to_alone": bench.ratio("busy", "alone"),
    }
    medians = {name: statistics.median(costs) for name, costs in bench.costs.items()}
    frames = statistics.median(bench.frames)
    if options.json:
        facts = {"frames_per_second": frames, "console_megabytes": bench.memory / 1e6}
        print(json.dumps({"microseconds": medians, **ratios, **facts}))
    else:
        for name, cost in medians.items():
            print(f"{f'logger, {name}':<28}{cost:8.1f} us a record")
        for name, (ratio, spread) in ratios.items():
            print(f"{name.replace('_', ' '):<28}{ratio:8.3f} +- {spread:.3f}")
        print(f"{'updates of a page':<28}{frames:8.1f} a second")
        print(f"{'memory of the console':<28}{bench.memory / 1e6:8.0f} MB")
    return int(ratios["watched_to_alone"][0] > MOST)


def _records(file: Path) -> int:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 4096))
        lines = log.read().splitlines()
    return int(json.loads(lines[-2])["seq"])


def _used(process: psutil.Process) -> float:
    """Return the processor time of a process in seconds; 0 if it has ended."""
    tasks = list(Path(f"/proc/{process.pid}/task").glob("*/schedstat"))
    with contextlib.suppress(psutil.Error, OSError):
        if tasks:  # Linux counts them in nanoseconds; the usual times are multiples of 10 ms
            return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def _browsers() -> list[psutil.Process]:
    """Return the processes of the browsers: this one, and those of Chromium."""
    own = psutil.Process()
    return [own, *(one for one in own.children(recursive=True) if "chrom" in one.name())]


@contextlib.contextmanager
def _process(program: str, *arguments: str) -> Iterator[None]:
    """Run a program that says when it is ready."""
    command = [sys.executable, "-c", program, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _readers(console: Console, path: str) -> Iterator[list[int]]:
    """Open the page in ten browsers; yield a list with the updates of the first one."""
    count = [0]
    ended = threading.Event()
    program = shutil.which("chromium")
    with ExitStack() as stack:
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


def _chromium(stack: ExitStack, program: str, console: Console, path: str) -> None:
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
