"""Which files this process has open, asked of the system."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _LONGEST_NAME = 32768
    _system = ctypes.WinDLL("kernel32", use_last_error=True)
    _name_of = _system.GetFinalPathNameByHandleW
    _name_of.argtypes = [wintypes.HANDLE, wintypes.LPWSTR, wintypes.DWORD, wintypes.DWORD]

    def name_of(handle: int) -> Path:
        """Return the path of an open file."""
        name = ctypes.create_unicode_buffer(_LONGEST_NAME)
        if not _name_of(msvcrt.get_osfhandle(handle), name, _LONGEST_NAME, 0):
            raise ctypes.WinError(ctypes.get_last_error())
        return Path(name.value.removeprefix("\\\\?\\"))

    def count_handles(process: psutil.Process) -> int:
        """Return how many files and other things a process has open."""
        return process.num_handles()

else:

    def name_of(handle: int) -> Path:
        """Return the path of an open file."""
        return Path(f"/proc/self/fd/{handle}").readlink()

    def count_handles(process: psutil.Process) -> int:
        """Return how many files and other things a process has open."""
        return process.num_fds()
