"""Ask the system whether a process runs."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _ERROR_INVALID_PARAMETER = 87
    _SYNCHRONIZE = 0x00100000
    _WAIT_OBJECT_0 = 0

    _system = ctypes.WinDLL("kernel32", use_last_error=True)
    _system.OpenProcess.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.DWORD]
    _system.OpenProcess.restype = wintypes.HANDLE
    _system.WaitForSingleObject.argtypes = [wintypes.HANDLE, wintypes.DWORD]
    _system.CloseHandle.argtypes = [wintypes.HANDLE]

    def has_ended(pid: int) -> bool:
        """Return whether no process with this id runs."""
        process = _system.OpenProcess(_SYNCHRONIZE, False, pid)
        if not process:  # there is none, or it belongs to another user
            return ctypes.get_last_error() == _ERROR_INVALID_PARAMETER
        try:
            return bool(_system.WaitForSingleObject(process, 0) == _WAIT_OBJECT_0)
        finally:
            _system.CloseHandle(process)

else:

    def has_ended(pid: int) -> bool:
        """Return whether no process with this id runs."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass  # it runs, and belongs to another user
        return False
