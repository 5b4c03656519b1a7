"""Runs the tests of packages, one process for each file, and collects every outcome."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
ENDED = "the process ended during this test"


@dataclass(frozen=True)
class Runner:
    """How a machine runs the Python that is tested."""

    command: list[str]
    """The Python, with what must stand before it."""

    environment: dict[str, str]
    """Its variables."""

    name: Callable[[Path], str]
    """Returns how this Python names a file."""


@dataclass(frozen=True)
class Outcome:
    """How a test ended."""

    package: str
    test: str
    """Its pytest id; the name of the file when all of it is meant."""

    outcome: str
    """passed, failed or skipped."""

    why: str
    """The reason of a skip, or the report of a failure."""


def run_files(
    runner: Runner,
    folder: Path,
    files: Iterable[Path],
    *,
    jobs: int,
    limit: float,
    options: list[str],
) -> Iterator[Outcome]:
    """Run test files of a package.

    Args:
        runner: Runs the Python.
        folder: Folder of the package.
        files: The test files.
        jobs: How many files run at once.
        limit: Seconds after which a file is ended.
        options: More options of pytest.
    """
    with ThreadPoolExecutor(jobs) as pool:
        for outcomes in pool.map(lambda f: _run_file(runner, folder, f, limit, options), files):
            yield from outcomes


def _run_file(
    runner: Runner, folder: Path, file: Path, limit: float, options: list[str]
) -> list[Outcome]:
    name = file.relative_to(folder).as_posix()
    begun = time.monotonic()
    pytest = [*runner.command, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes"]
    with TemporaryDirectory(prefix="outcomes-", ignore_cleanup_errors=True) as scratch:
        told = Path(scratch, "outcomes")
        environment = runner.environment | {
            "OUTCOMES_FILE": runner.name(told),
            "PYTHONPATH": runner.name(HERE),
        }
        command = [*pytest, *options, name]
        code, said = _run_limited(command, folder, environment, limit)
        outcomes = _read(told, folder.name)
        # pytest ends with 0 when all passed, and with 5 when it selected no test.
        complete = code == 5 or (code == 0 and outcomes)
        if not complete and not any(o.outcome == "failed" for o in outcomes):
            why = f"pytest ended with {code}" if code is not None else f"ended after {limit} s"
            why = f"{why}; its last words:\n{said[-2000:]}"
            outcomes.append(Outcome(folder.name, name, "failed", why))
    count = Counter(outcome.outcome for outcome in outcomes)
    seconds = time.monotonic() - begun
    report = [f"{folder.name}/{name}: {dict(count)} in {seconds:.0f} s"]
    report += [f"{o.test} failed:\n{o.why}" for o in outcomes if o.outcome == "failed"]
    print("\n".join(report), file=sys.stderr, flush=True)
    return outcomes


def _run_limited(
    command: list[str], folder: Path, environment: dict[str, str], limit: float
) -> tuple[int | None, str]:
    """Run a program; return its exit code, or None when it had to be ended, and its output.

    The output is a pipe: Wine's Python takes no file. It is not read to its end, because a process
    that the tests left behind keeps it open.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    stream = process.stdout
    assert stream is not None
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.extend(stream), daemon=True)
    reader.start()
    code: int | None
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = None
    reader.join(5)
    return code, b"".join(said).decode(errors="replace")


def _read(told: Path, package: str) -> list[Outcome]:
    """Read what the plugin wrote; a test that began and has no outcome has failed."""
    if not told.exists():
        return []
    found: dict[str, Outcome] = {}
    for line in told.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["outcome"] == "started":
            entry |= {"outcome": "failed", "why": ENDED}
        elif (before := found.get(entry["test"])) is not None and before.why not in ("", ENDED):
            continue  # what follows a failure or a skip does not change it
        found[entry["test"]] = Outcome(package, **entry)
    return list(found.values())
