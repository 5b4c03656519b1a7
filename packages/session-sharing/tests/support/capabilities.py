"""What this system can do: the only reasons for which a test may be skipped on Windows."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX")
HAS_LIMITS = importlib.util.find_spec("resource") is not None
REMOVES_OPEN_FILES = RENAMES_OPEN_FILES = sys.platform != "win32"
SYNCS_FOLDERS = sys.platform != "win32"
"""NTFS keeps a journal of its folders. Windows has no call that writes one to the disk."""
HAS_MODES = sys.platform != "win32"
HAS_PROC = sys.platform == "linux" and Path("/proc/self/fd").is_dir()
IS_ROOT = sys.platform != "win32" and os.geteuid() == 0
"""Root has other users' files at hand and writes every file, whatever its mode is."""


def _is_wine() -> bool:
    return sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


RUNS_BROWSERS = not _is_wine()
"""Wine ends the driver of Playwright when it starts."""
SLOWNESS = 4 if _is_wine() else 1
"""How many times longer than elsewhere other processes and connections may take."""


def require(capability: bool, name: str) -> None:
    """Skip the running test, on a system that lacks what the test needs."""
    if not capability:
        pytest.skip(f"no {name}")


def _can_symlink() -> bool:
    """Try it: Windows asks for a privilege, and Wine makes no link and says nothing."""
    with tempfile.TemporaryDirectory() as name:
        link = Path(name, "link")
        try:
            link.symlink_to(name)
        except OSError:
            return False
        return link.is_symlink()


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


HAS_SYMLINKS = _can_symlink()

needs_unix_sockets = pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="no AF_UNIX")
needs_symlinks = pytest.mark.skipif(not HAS_SYMLINKS, reason="no symbolic links")
needs_modes = pytest.mark.skipif(not HAS_MODES, reason="no POSIX file modes")
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
needs_limits = pytest.mark.skipif(not HAS_LIMITS, reason="no resource limits")
needs_binding_modes = pytest.mark.skipif(
    not HAS_MODES or IS_ROOT, reason="no POSIX file modes that bind this user"
)
needs_shared_memory = pytest.mark.skipif(
    sys.platform not in ("linux", "win32"), reason="no memory that another process can read"
)
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="no /proc")
needs_terminals = pytest.mark.skipif(not hasattr(os, "openpty"), reason="no POSIX terminals")
needs_names_of_bytes = pytest.mark.skipif(
    sys.platform == "win32", reason="no file names of any bytes"
)


def _sends_whole_messages() -> bool:
    """Try it: Windows takes a message of any size at once, Wine what its buffer has room for."""
    if not _is_wine():
        return True
    size = 16 * 2**20
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        connection.setblocking(False)
        return connection.send(bytes(size)) == size


needs_whole_sends = pytest.mark.skipif(
    not _sends_whole_messages(),
    reason="no large messages: Wine sends them in parts, and gRPC ends the process",
)
needs_control_characters = pytest.mark.skipif(
    sys.platform == "win32", reason="no control characters in file names"
)
needs_removal_of_open_files = pytest.mark.skipif(
    not REMOVES_OPEN_FILES, reason="no removal of open files"
)
needs_renames_of_open_files = pytest.mark.skipif(
    not RENAMES_OPEN_FILES, reason="no renaming of open files"
)
needs_full_device = pytest.mark.skipif(
    sys.platform == "win32" or not Path("/dev/full").exists(),
    reason="no device that is always full",
)
needs_connection_owners = pytest.mark.skipif(
    sys.platform != "linux", reason="no user of a connection (only Linux tells it)"
)
needs_callers = pytest.mark.skipif(
    _is_wine(), reason="no processes of callers: Wine does not show who owns gRPC's connections"
)
needs_ends_of_killed_servers = pytest.mark.skipif(
    _is_wine(), reason="no certain end of a killed server's connections: Wine may keep them open"
)
needs_internet = pytest.mark.skipif(
    _is_wine(), reason="no internet: root's Wine has a network of its own"
)
needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="no IPv6")
only_windows = pytest.mark.skipif(sys.platform != "win32", reason="not Windows")
needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX shell")
needs_access_lists = pytest.mark.skipif(sys.platform != "win32", reason="no access lists of files")
needs_registry = pytest.mark.skipif(sys.platform != "win32", reason="no registry")
needs_startup_folder = pytest.mark.skipif(sys.platform != "win32", reason="no Startup folder")


def _has_long_paths() -> bool:
    """Try it: Wine 8 cannot say the real path of a file with more than 260 characters."""
    if sys.platform != "win32":
        return False
    with tempfile.TemporaryDirectory(dir=f"\\\\?\\{tempfile.gettempdir()}") as name:
        folder = Path(name, *["x" * 60] * 5)
        folder.mkdir(parents=True)
        try:
            os.path.realpath(folder)
        except OSError:
            return False
    return True


needs_long_paths = pytest.mark.skipif(not _has_long_paths(), reason="no long paths of Windows")
needs_hook = pytest.mark.skipif(
    sys.platform == "win32", reason="no hook: on Windows, NI's SDK itself finds a platform"
)
needs_batch_reader = pytest.mark.skipif(
    sys.platform == "win32", reason="no reading of batch files: Windows runs them"
)
needs_signals_to_threads = pytest.mark.skipif(
    sys.platform != "linux", reason="no signals to a thread of another process"
)
