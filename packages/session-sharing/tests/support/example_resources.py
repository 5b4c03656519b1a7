"""Run the examples of resources with calls of their own: their stubs, server and programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from processes import EXAMPLES

Start = Callable[..., "subprocess.Popen[str]"]


def prepare(example: str, folder: Path) -> None:
    """Copy an example with its stubs into a folder."""
    shutil.copytree(_with_stubs(example).name, folder, dirs_exist_ok=True)


@cache
def _with_stubs(example: str) -> tempfile.TemporaryDirectory[str]:
    """Return a folder with an example and its stubs; it is removed when the tests end."""
    folder = tempfile.TemporaryDirectory(prefix="example-")
    for path in (EXAMPLES / example).iterdir():
        if path.is_file():
            shutil.copy(path, folder.name)
    (proto,) = Path(folder.name).glob("*.proto")
    stubs = [sys.executable, "-m", "session_sharing", "stubs", proto.name]
    subprocess.run(stubs, cwd=folder.name, check=True)
    return folder


def serve(script: str, start: Start) -> subprocess.Popen[str]:
    """Start an example's server, and wait until it is ready."""
    server = start(script)
    assert server.stdout and "ready at" in server.stdout.readline()
    return server


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints; all that follows if it has failed."""
    assert process.stdout
    said = process.stdout.readline().strip()
    return f"{said}\n{process.stdout.read()}" if said.startswith("Traceback") else said


def send(process: subprocess.Popen[str], text: str = "") -> None:
    """Give a process a line of input."""
    assert process.stdin
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def lines_of_its_own(example: str) -> int:
    """Count the lines of an example that are not empty, without the generated stubs."""
    files = [path for path in (EXAMPLES / example).iterdir() if path.suffix in (".py", ".proto")]
    return sum(bool(text.strip()) for path in files for text in path.read_text().splitlines())
