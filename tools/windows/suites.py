"""Runs the tests of packages in processes of their own, and collects every outcome."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
_TOGETHER = 8
"""How many test files run in one process."""
_TO_THE_END = (0, 1, 5)
"""Exit codes of pytest when it ran all tests: all passed, some failed, or there was none."""
ENDED = "the process ended during this test"
AGAIN = "passed only when it ran again, alone; before that: "


@dataclass(frozen=True)
class Runner:
    """How a machine runs the Python that is tested."""

    command: list[str]
    """The Python, with what must stand before it."""

    environment: dict[str, str]
    """Its variables."""

    name: Callable[[Path], str]
    """Returns how this Python names a file."""

    repeats: bool = False
    """Whether a test that fails runs once more, alone. Wine sometimes cannot start a process, or
    loses an event; on Windows itself every failure counts."""


@dataclass(frozen=True)
class Outcome:
    """How a test ended."""

    package: str
    test: str
    """Its pytest id; the name of the file when all of it is meant."""

    outcome: str
    """passed, failed or skipped."""

    why: str
    """The reason of a skip, or the report of a failure, also of one before a test passed."""


def run_files(
    runners: Sequence[Runner],
    files: Sequence[tuple[Path, Sequence[Path]]],
    *,
    limit: float,
    options: list[str],
) -> Iterator[list[Outcome]]:
    """Run test files, some in one process: to start one takes seconds under Wine.

    Args:
        runners: Each runs one process at a time.
        files: The folder of each package, and its test files.
        limit: Seconds after which a process is ended.
        options: More options of pytest.

    Returns:
        The outcomes of one process after the other, in the order of the files.
    """
    free: SimpleQueue[Runner] = SimpleQueue()
    for runner in runners:
        free.put(runner)

    def run(group: tuple[Path, list[str]]) -> list[Outcome]:
        runner = free.get()
        try:
            return _run_group(runner, *group, limit, options)
        finally:
            free.put(runner)

    groups = [group for folder, its_files in files for group in _groups(folder, its_files)]
    with ThreadPoolExecutor(len(runners)) as pool:
        yield from pool.map(run, groups)


def _groups(folder: Path, files: Sequence[Path]) -> Iterator[tuple[Path, list[str]]]:
    names = [file.relative_to(folder).as_posix() for file in files]
    for first in range(0, len(names), _TOGETHER):
        yield folder, names[first : first + _TOGETHER]


def _run_group(
    runner: Runner, folder: Path, names: list[str], limit: float, options: list[str]
) -> list[Outcome]:
    """Run test files in one process; if it does not reach its end, run each file in its own."""
    begun = time.monotonic()
    outcomes, said = _run_process(runner, folder, names, limit, options)
    if said is not None and len(names) > 1:
        return [o for name in names for o in _run_group(runner, folder, [name], limit, options)]
    if said is not None and not any(o.outcome == "failed" for o in outcomes):
        outcomes.append(Outcome(folder.name, names[0], "failed", said))
    if said is None and runner.repeats:
        outcomes = [_repeated(runner, folder, one, limit, options) for one in outcomes]
    count = Counter(outcome.outcome for outcome in outcomes)
    seconds = time.monotonic() - begun
    report = [f"{folder.name}/{' '.join(names)}: {dict(count)} in {seconds:.0f} s"]
    report += [f"{o.test} failed:\n{o.why}" for o in outcomes if o.outcome == "failed"]
    print("\n".join(report), file=sys.stderr, flush=True)
    return outcomes


def _repeated(
    runner: Runner, folder: Path, outcome: Outcome, limit: float, options: list[str]
) -> Outcome:
    """Run a test that failed again; return what counts."""
    if outcome.outcome != "failed":
        return outcome
    again, _ = _run_process(runner, folder, [outcome.test], limit, options)
    if [one.outcome for one in again] != ["passed"]:
        return outcome
    return replace(outcome, outcome="passed", why=f"{AGAIN}{outcome.why}")


def _run_process(
    runner: Runner, folder: Path, names: list[str], limit: float, options: list[str]
) -> tuple[list[Outcome], str | None]:
    """Run test files; return the outcomes, and what was said if pytest did not reach its end."""
    pytest = [*runner.command, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "outcomes"]
    with TemporaryDirectory(prefix="outcomes-", ignore_cleanup_errors=True) as scratch:
        told = Path(scratch, "outcomes")
        environment = runner.environment | {
            "OUTCOMES_FILE": runner.name(told),
            "PYTHONPATH": runner.name(HERE),
        }
        command = [*pytest, *options, *names]
        code, said = _run_limited(command, folder, environment, limit)
        outcomes, is_finished = _read(told, folder.name)
    if is_finished and code in _TO_THE_END:
        return outcomes, None
    why = f"pytest ended with {code}" if code is not None else f"ended after {limit} s"
    return outcomes, f"{why}; its last words:\n{said[-2000:]}"


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


def _read(told: Path, package: str) -> tuple[list[Outcome], bool]:
    """Read what the plugin wrote, and whether pytest reached its end.

    A test that began and has no outcome has failed.
    """
    if not told.exists():
        return [], False
    is_finished = False
    found: dict[str, Outcome] = {}
    for line in told.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["outcome"] == "finished":
            is_finished = True
            continue
        if entry["outcome"] == "started":
            entry |= {"outcome": "failed", "why": ENDED}
        elif (before := found.get(entry["test"])) is not None and before.why not in ("", ENDED):
            continue  # what follows a failure or a skip does not change it
        found[entry["test"]] = Outcome(package, **entry)
    return list(found.values()), is_finished
