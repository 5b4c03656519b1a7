"""Make environments by uv for nox sessions: from wheels alone, or from a package index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import nox
from wheels import Wheels


def uv(session: nox.Session, *arguments: str) -> None:
    """Run the uv of nox, or install one into the session if nox has none."""
    if session.venv_backend != "uv":
        session.install("uv", silent=True)
    session.run("uv", *arguments, log=False)


def beside(session: nox.Session, name: str) -> Path:
    """Return the path of an environment beside the session's own."""
    return Path(session.virtualenv.location).parent / name


def program(environment: Path, name: str) -> str:
    """Return the path of a command in an environment."""
    if os.name == "nt":
        return str(environment / "Scripts" / f"{name}.exe")
    return str(environment / "bin" / name)


def from_wheels(session: nox.Session, name: str, wheels: Wheels, wanted: Iterable[str]) -> Path:
    """Make an environment, or refresh it, from built wheels.

    First install the packages of others, then our own wheels without an index. So our packages can
    only come from these wheels.
    """
    folder = beside(session, name)
    ours, others = wheels.split(wanted)
    if not (folder / "pyvenv.cfg").exists():
        uv(session, "venv", "--quiet", f"--python={sys.executable}", str(folder))
    session.log("installing %s into %s", ", ".join(path.name for path in ours), name)
    install = ["pip", "install", "--quiet", f"--python={folder}"]
    uv(session, *install, *others)
    uv(session, *install, "--no-index", "--no-deps", "--reinstall", *map(str, ours))
    uv(session, "pip", "check", "--quiet", f"--python={folder}")
    return folder


def from_index(
    session: nox.Session, name: str, index: str, *wanted: str, python: str = sys.executable
) -> Path:
    """Make a fresh environment from our own index and the public index."""
    folder = beside(session, name)
    uv(session, "venv", "--quiet", "--clear", f"--python={python}", str(folder))
    source = [f"--python={folder}", "--refresh", f"--index={index}"]
    uv(session, "pip", "install", "--quiet", *source, *wanted)
    return folder


def pythons(versions: Iterable[str]) -> Iterator[str]:
    """Yield the Pythons that this machine has and that run."""
    for version in versions:
        command = shutil.which(f"python{version}")
        if command and not subprocess.run([command, "-V"], capture_output=True).returncode:
            yield command
