"""Runs the tests of packages, one process for each file, and collects every outcome."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

HERE = Path(__file__).parent
ENDED = "the process ended during this test"

# Exit codes of pytest: all passed, some failed, no test is selected.
_COMPLETE = (0, 1, 5)


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


def run_package(
    runner: Runner, folder: Path, *, jobs: int, limit: float, pattern: str, options: list[str]
) -> Iterator[Outcome]:
    """Run the test files of a package.

    Args:
        runner: Runs the Python.
        folder: Folder of the package.
        jobs: How many files run at once.
        limit: Seconds after which a file is ended.
        pattern: Of the names of the files.
        options: More options of pytest.
    """
    files = sorted((folder / "tests").rglob(pattern))
    with ThreadPoolExecutor(jobs) as pool:
        for outcomes in pool.map(lambda f: _run_file(runner, folder, f, limit, options), files):
            yield from outcomes


def _run_file(
    runner: Runner, folder: Path, file: Path, limit: float, options: list[str]
) -> list[Outcome]:
    name = file.relative_to(folder).as_posix()
    pytest = [*runner.command, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes"]
    with TemporaryDirectory(prefix="outcomes-", ignore_cleanup_errors=True) as scratch:
        told, output = Path(scratch, "outcomes"), Path(scratch, "output")
        environment = runner.environment | {
            "OUTCOMES_FILE": runner.name(told),
            "PYTHONPATH": runner.name(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with output.open("wb") as stream:
            code = _run_limited([*pytest, *options, name], folder, environment, stream, limit)
        outcomes = _read(told, folder.name)
        if code not in _COMPLETE and not any(o.outcome == "failed" for o in outcomes):
            said = output.read_text(encoding="utf-8", errors="replace")[-2000:]
            why = f"pytest ended with {code}\n{said}" if code is not None else f"after {limit} s"
            outcomes.append(Outcome(folder.name, name, "failed", why))
    count = Counter(outcome.outcome for outcome in outcomes)
    print(f"{folder.name}/{name}: {dict(count)}", file=sys.stderr, flush=True)
    return outcomes


def _run_limited(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    output: IO[bytes],
    limit: float,
) -> int | None:
    """Run a program; return its exit code, or None when it had to be ended.

    The output goes to a file: a process that the tests left behind would keep a pipe open.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def _read(told: Path, package: str) -> list[Outcome]:
    """Read what the plugin wrote; a test that began and has no outcome has failed."""
    if not told.exists():
        return []
    found: dict[str, Outcome] = {}
    for line in told.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["outcome"] == "started":
            entry |= {"outcome": "failed", "why": ENDED}
        elif entry["test"] in found and found[entry["test"]].outcome == "failed":
            if found[entry["test"]].why != ENDED:
                continue  # what follows a failure does not mend it
        found[entry["test"]] = Outcome(package, **entry)
    return list(found.values())
