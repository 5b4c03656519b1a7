"""The steps of `nox -s windows`: a Python of Windows with the packages, and their tests on it."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nox
import windows_python
from comparison import passed_elsewhere
from environments import uv
from libraries import give_complex_numbers
from localhost import check_localhost
from postgresql import running_postgresql
from promises import file_name, files_of_promises, missing_files
from suites import Outcome, Runner, run_files
from summary import write_summary
from wine import find_wine, running_wine, windows_path


def arguments(given: list[str], packages: list[str]) -> argparse.Namespace:
    """Read what stands after `--` on the command line of the session."""
    parser = argparse.ArgumentParser(prog="nox -s windows --")
    parser.add_argument("python", nargs="?", default="3.11", choices=list(windows_python.SOURCES))
    parser.add_argument("--package", action="append", choices=packages, help="only this package")
    parser.add_argument(
        "--promises", action="store_true", help="only the tests of the promises, and the chain"
    )
    parser.add_argument("--jobs", type=int, default=3, help="how many test files run at once")
    parser.add_argument("--limit", type=float, default=900, help="seconds for one test file")
    parser.add_argument("--pytest", action="append", default=[], help="an option for pytest")
    parser.add_argument("--file", default="test_*.py", help="only test files of this name")
    return parser.parse_args(given)


@contextmanager
def windows_runners(
    session: nox.Session,
    options: argparse.Namespace,
    wheels: Path,
    wanted: list[str],
    cache: Path,
    postgresql: Path,
) -> Iterator[tuple[list[Runner], str]]:
    """Give what runs Python for Windows, once for each job, and the name of system and Python.

    On Windows this is the running Python, which must have the packages. Elsewhere it is Windows'
    own Python under Wine. Each job has a Windows of its own: a Wine answers one question at a time,
    and the answer who owns a connection takes as long as it has connections times open files.

    Args:
        session: Has uv, or installs it.
        options: The Python's version, under Wine, and the number of jobs; see `arguments`.
        wheels: The folder of our wheels.
        wanted: Requirements: our distributions, and what their tests need.
        cache: Keeps what was downloaded.
        postgresql: The program that runs a PostgreSQL for the tests, where they cannot start one.
    """
    if os.name == "nt":
        python = str(Path(session.bin) / "python.exe")
        path = f"{session.bin}{os.pathsep}{os.environ['PATH']}"
        runner = Runner([python], {**os.environ, "PATH": path}, str)
        yield [runner] * options.jobs, f"Windows, Python {platform.python_version()}"
        return
    try:
        program = find_wine()
        check_localhost()
    except (FileNotFoundError, PermissionError) as error:
        session.error(str(error))
    home = windows_python.unpack(options.python, cache, cache.parent / options.python)
    install = ["pip", "install", "--quiet", *windows_python.install_options(options.python, home)]
    uv(session, *install, f"--find-links={wheels}", "pip", *wanted, *windows_python.LIMITS)
    windows_python.use_only_known_calls(home)
    give_complex_numbers(windows_python.site_packages(home), cache)
    with ExitStack() as stack:
        wines = [stack.enter_context(running_wine(program, cache)) for _ in range(options.jobs)]
        python = str(home / "python.exe")
        # The pip of Windows makes the commands (Scripts/NAME.exe).
        ours = [windows_path(wheel) for wheel in wheels.glob("*.whl")]
        again = ["--no-index", "--no-deps", "--force-reinstall"]
        wines[0].run(python, "-m", "pip", "install", "--quiet", *again, *ours)
        programs = ";".join(map(windows_path, (home, home / "Scripts")))
        runners = []
        for wine in wines:
            server = stack.enter_context(running_postgresql(session, postgresql, wine.space))
            environment = {**wine.environment, **server, "WINEPATH": programs}
            runners.append(Runner([*wine.command, python], environment, windows_path, repeats=True))
        yield runners, f"{_version(program)}, Windows' own Python {options.python}"


def run_suites(
    session: nox.Session, runners: list[Runner], where: str, folders: list[Path], results: Path
) -> None:
    """Run the tests of packages, write the summary, and fail the session when a test fails.

    The summary compares them with the last `nox -s tests`, if its reports are there.
    """
    options = arguments(session.posargs, [folder.name for folder in folders])
    if missing := missing_files({folder.name: folder for folder in folders}):
        session.error(f"tools/windows/promises.py names files that are missing: {missing}")
    outcomes: list[Outcome] = []
    elsewhere = passed_elsewhere(results.parent / "tests")
    summary = ""
    # The chain comes first: its files take longest, and would run alone at the end.
    files = [(folder, _wanted_files(folder, options)) for folder in reversed(folders)]
    for found in run_files(runners, files, limit=options.limit, options=options.pytest):
        outcomes += found
        # A run that is interrupted later leaves what it found so far.
        summary = write_summary(outcomes, where, results, elsewhere)
    print(summary, file=sys.stderr)
    if failed := sum(outcome.outcome == "failed" for outcome in outcomes):
        session.error(f"{failed} tests failed; {results / 'outcomes.json'} has their reports")


def _wanted_files(folder: Path, options: argparse.Namespace) -> list[Path]:
    """Return the test files of a package that the command line asks for."""
    if folder.name not in (options.package or [folder.name]):
        return []
    files = sorted((folder / "tests").rglob(options.file))
    if options.promises:
        files = [file for file in files if file_name(folder, file) in files_of_promises()]
    return files


def _version(wine: str) -> str:
    said = subprocess.run([wine, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip().replace("-", " ", 1).capitalize()
