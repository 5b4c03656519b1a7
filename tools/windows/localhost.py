"""Gives programs under Wine a name `localhost` that means ::1, too, as on Windows.

NI's SDK lets plug-ins listen on ::1 and registers them as "localhost". Wine looks that name up in
/etc/hosts, and in many containers the file has 127.0.0.1 only.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
from pathlib import Path

_HOSTS = Path("/etc/hosts")
_ENTRY = "::1 localhost"
_MOUNTED = f'mount --bind "$0" {_HOSTS} && exec "$@"'


@functools.cache
def knows_localhost() -> bool:
    """Return whether `localhost` means ::1 on this machine."""
    try:
        return bool(socket.getaddrinfo("localhost", None, socket.AF_INET6))
    except socket.gaierror:
        return False


def check_localhost() -> None:
    """Check that a process can find ::1 by the name `localhost`.

    Raises:
        PermissionError: The machine lacks the name, and only root can give it to a process.
    """
    can_mount = os.geteuid() == 0 and shutil.which("unshare") is not None
    if not knows_localhost() and not can_mount:
        raise PermissionError(f"{_HOSTS} has no line `{_ENTRY}`, which tests need; add it")


def with_localhost(command: list[str], hosts: Path) -> list[str]:
    """Return a command whose process finds ::1 by the name `localhost`.

    If the machine lacks the name, the process sees another /etc/hosts. The machine's own file does
    not change.

    Args:
        command: The command.
        hosts: The file that the process sees. This function writes it.

    Raises:
        PermissionError: As `check_localhost`.
    """
    check_localhost()
    if knows_localhost():
        return command
    hosts.write_text(f"{_HOSTS.read_text()}\n{_ENTRY}\n")
    return ["unshare", "--mount", "sh", "-c", _MOUNTED, str(hosts), *command]
