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
REMOVES_OPEN_FILES = sys.platform != "win32"
HAS_PROC = Path("/proc/self/fd").is_dir()


IS_WINE = sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


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


needs_unix_sockets = pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="no AF_UNIX")
needs_symlinks = pytest.mark.skipif(not _can_symlink(), reason="no symbolic links")
needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX file modes")
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
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
needs_large_sends = pytest.mark.skipif(
    IS_WINE, reason="no large messages: Wine sends them in parts, which gRPC does not expect"
)
