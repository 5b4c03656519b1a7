"""The steps of `nox -s wheelhouse`: a folder from which a station without internet installs."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nox
import windows_python
from environments import beside, program, uv
from wine import find_wine, running_wine, windows_path

OLDEST_GLIBC, NEWEST_GLIBC = 17, 28
"""Wheels for Linux name the oldest glibc 2.x with which they run. 2.28 is that of Debian 10."""


@dataclass(frozen=True)
class Target:
    """A kind of machine for which wheels are collected."""

    uv: str
    """The name that uv gives it."""

    tags: Sequence[str]
    """The platform tags of the wheels that it can install."""

    machine: tuple[str, str]
    """What `platform.system` and `platform.machine` return on it."""


def _linux(machine: str) -> Target:
    glibc = range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1)
    tags = [*(f"manylinux_2_{minor}_{machine}" for minor in glibc), f"manylinux2014_{machine}"]
    if machine == "x86_64":
        tags += [f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    return Target(f"{machine}-manylinux_2_{NEWEST_GLIBC}", tags, ("Linux", machine))


TARGETS = {
    "win_amd64": Target("x86_64-pc-windows-msvc", ["win_amd64"], ("Windows", "AMD64")),
    "linux_x86_64": _linux("x86_64"),
    "linux_aarch64": _linux("aarch64"),
}

README = """\
# Packages for a station without internet

For {machine} with Python {python}. This folder has the packages of the station, and all packages
that they need. Copy it to the station. There, make an environment for each line of this table, and
install the packages of the line into it:

| environment | packages |
|---|---|
{rows}

On Windows, in this folder:

```
py -{python} -m venv C:\\json-logger\\server
C:\\json-logger\\server\\Scripts\\python -m pip install --no-index --find-links . json-logger-server
C:\\json-logger\\server\\Scripts\\json-logger --version
```

On Linux, in this folder:

```
python{python} -m venv ~/json-logger/server
~/json-logger/server/bin/python -m pip install --no-index --find-links . json-logger-server
~/json-logger/server/bin/json-logger --version
```

With `--no-index`, pip asks no package index. Python brings pip; a newer one is not needed.
"""


def arguments(given: list[str], pythons: Sequence[str]) -> argparse.Namespace:
    """Read what stands after `--` on the command line of the session."""
    parser = argparse.ArgumentParser(prog="nox -s wheelhouse --")
    parser.add_argument(
        "--platform", required=True, choices=list(TARGETS), help="the system of the station"
    )
    parser.add_argument(
        "--python", required=True, choices=list(pythons), help="the Python of the station"
    )
    parser.add_argument(
        "--output", type=Path, help="the folder; default: wheelhouse/PLATFORM-PYTHON"
    )
    parser.add_argument(
        "--try",
        dest="tried",
        action="store_true",
        help="install from the folder, without an index, and run each command: under Wine for "
        "win_amd64, otherwise on this machine, which must be of that kind",
    )
    return parser.parse_args(given)


def collect(
    session: nox.Session,
    wanted: Iterable[str],
    dist: Path,
    options: argparse.Namespace,
    folder: Path,
) -> None:
    """Put the wheels of some distributions, and of all that they need, into a folder.

    Args:
        session: Runs uv and pip.
        wanted: Requirements.
        dist: The folder of our own wheels.
        options: The result of `arguments`.
        folder: Wheels in it are removed first. It must have nothing else but the README.
    """
    others = [p for p in folder.glob("*") if p.suffix != ".whl" and p.name != "README.md"]
    if others:
        session.error(f"{folder} has other files, such as {others[0].name}; name another folder")
    target = TARGETS[options.platform]
    temporary = Path(session.create_tmp())
    required, resolved = temporary / "required.txt", temporary / "resolved.txt"
    required.write_text("\n".join(wanted), encoding="utf-8")
    # uv judges the markers of requirements for the station; pip judges them for this machine.
    station = [f"--python-platform={target.uv}", f"--python-version={options.python}"]
    ours = [f"--find-links={dist}", "--only-binary=:all:"]
    output = ["--quiet", "--no-header", "--no-annotate", f"--output-file={resolved}"]
    uv(session, "pip", "compile", *station, *ours, *output, str(required))
    shutil.rmtree(folder, ignore_errors=True)
    abi = options.python.replace(".", "")
    tags = [f"--platform={tag}" for tag in target.tags]
    tags += [f"--python-version={options.python}", "--implementation=cp"]
    tags += [f"--abi={name}" for name in (f"cp{abi}", "abi3", "none")]
    session.install("pip")
    pip = ["python", "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}"]
    session.run(*pip, *ours, *tags, f"--requirement={resolved}", silent=True)


def describe(environments: Mapping[str, Sequence[str]], options: argparse.Namespace) -> str:
    """Return the text of the folder's README.

    Args:
        environments: The packages of each environment of a station.
        options: The result of `arguments`.
    """
    rows = "\n".join(f"| {name} | {' '.join(names)} |" for name, names in environments.items())
    return README.format(machine=options.platform, python=options.python, rows=rows)


def check_can_try(session: nox.Session, options: argparse.Namespace) -> None:
    """End the session if this machine cannot install the packages that it collects."""
    here = (platform.system(), platform.machine())
    running = ".".join(map(str, sys.version_info[:2]))
    wanted = TARGETS[options.platform].machine
    if options.platform == "win_amd64" and os.name != "nt":
        try:
            find_wine()
        except FileNotFoundError as error:
            session.error(str(error))
    elif here != wanted or running != options.python:
        session.error(
            f"--try needs {' '.join(wanted)} with Python {options.python}, but this is "
            f"{' '.join(here)} with Python {running}. Leave out --try, or run it there"
        )


def try_here(
    session: nox.Session,
    folder: Path,
    environments: Mapping[str, Sequence[str]],
    commands: Sequence[str],
) -> None:
    """Install from the folder in environments of this machine, and run the commands."""
    for name, wanted in environments.items():
        place = beside(session, f"wheelhouse-{name}")
        uv(session, "venv", "--quiet", "--clear", f"--python={sys.executable}", str(place))
        install = ["pip", "install", "--quiet", "--no-index", f"--find-links={folder}"]
        uv(session, *install, f"--python={place}", *wanted)
        for command in commands:
            if Path(program(place, command)).exists():
                session.run(program(place, command), "--version", external=True)


def try_in_wine(
    session: nox.Session,
    version: str,
    cache: Path,
    folder: Path,
    wanted: Iterable[str],
    commands: Sequence[str],
) -> None:
    """Install from the folder with the pip of Windows' own Python, and run the commands there.

    Args:
        session: Prints.
        version: Of the Python.
        cache: Keeps what was downloaded.
        folder: The wheels.
        wanted: Requirements. Wine lacks the launchers of environments, so all go into one Python.
        commands: Names of commands.
    """
    with running_wine(find_wine(), cache) as wine:
        home = windows_python.unpack(version, cache, wine.folder / "python")
        python = str(home / "python.exe")
        wine.run(python, "-m", "ensurepip")
        install = ["-m", "pip", "install", "--no-index", f"--find-links={windows_path(folder)}"]
        wine.run(python, *install, *wanted)
        for command in commands:
            session.log(
                "Windows: %s", wine.run(str(home / "Scripts" / f"{command}.exe"), "--version")
            )
