"""Run scripts as another user of this machine; only root can do so."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from capabilities import IS_ROOT

OWNER, STRANGER = 10_001, 10_002
"""Two user ids without a name."""

needs_users = pytest.mark.skipif(not IS_ROOT, reason="no second user (only root has one)")

_BECOME = """
uid = int(sys.argv[1])
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
"""


def _command(uid: int, script: str, arguments: tuple[object, ...], imports: str) -> list[str]:
    first = "import encodings.ascii, encodings.idna, os, sys\n" + textwrap.dedent(imports)
    code = first + _BECOME + textwrap.dedent(script)
    return [sys.executable, "-c", code, str(uid), *map(str, arguments)]


def run_as(uid: int, script: str, *arguments: object, imports: str = "") -> list[str]:
    """Return the lines that a script printed.

    Args:
        uid: The user.
        script: The script; it may use os and sys.
        *arguments: Its arguments, from sys.argv[2] on.
        imports: A script that runs before, as this user: another user may not be able to read
            this Python's packages.
    """
    done = subprocess.run(
        _command(uid, script, arguments, imports),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def running_as(uid: int, script: str, *arguments: object, imports: str = "") -> Iterator[str]:
    """Run a script until the end of a `with` block, and yield the first line that it printed.

    The script ends with its standard input. The arguments are those of `run_as`.
    """
    with subprocess.Popen(
        _command(uid, script, arguments, imports),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(60)
