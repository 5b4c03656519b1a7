"""Start a process so that it and all processes that it starts can be ended together.

On POSIX they are a process group. On Windows they are a job: the system also ends the job's
processes when this process ends, however that happens.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

from session_sharing.stop_event import ask_to_stop

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _BREAKAWAY_OK = 0x00000800
    _KILL_ON_JOB_CLOSE = 0x00002000
    _CREATE_SUSPENDED = 0x00000004
    _CREATE_NEW_PROCESS_GROUP = 0x00000200
    _BASIC_PROCESS_ID_LIST = 3
    _EXTENDED_LIMIT_INFORMATION = 9
    _MOST_PROCESSES = 1000
    _KILLED = 1
    """The exit code of a process that was ended with its job."""

    class _BasicLimits(ctypes.Structure):
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        ]

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = [
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("Memory", ctypes.c_size_t * 4),
        ]

    class _ProcessIds(ctypes.Structure):
        _fields_ = [
            ("NumberOfAssignedProcesses", wintypes.DWORD),
            ("NumberOfProcessIdsInList", wintypes.DWORD),
            ("ProcessIdList", ctypes.c_size_t * _MOST_PROCESSES),
        ]

    _system = ctypes.WinDLL("kernel32", use_last_error=True)
    _system.CreateJobObjectW.argtypes = [wintypes.LPVOID, wintypes.LPCWSTR]
    _system.CreateJobObjectW.restype = wintypes.HANDLE
    _system.SetInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
    ]
    _system.QueryInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
        wintypes.LPVOID,
    ]
    _system.OpenProcess.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.DWORD]
    _system.OpenProcess.restype = wintypes.HANDLE
    _system.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
    _system.TerminateJobObject.argtypes = [wintypes.HANDLE, wintypes.UINT]
    _system.CloseHandle.argtypes = [wintypes.HANDLE]

    _SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001

    START_OPTIONS: dict[str, Any] = {"creationflags": _CREATE_SUSPENDED | _CREATE_NEW_PROCESS_GROUP}
    """Options with which a process of a tree is started. `ProcessTree` makes it run.

    Ctrl-C in the console of this process does not reach it.
    """

    class ProcessTree:
        """A started process, and all processes that it starts.

        Args:
            pid: Process id of a process that was started with `START_OPTIONS`.

        Raises:
            OSError: The system made no job. The process has been ended.
        """

        def __init__(self, pid: int) -> None:
            import psutil  # loaded with the first process, not at the platform's start

            process = psutil.Process(pid)
            self._job = _new_job()
            try:
                _assign(self._job, pid)
            except OSError:
                process.kill()
                self.close()
                raise
            process.resume()  # from now on, each process that it starts is in the job

        def terminate(self) -> None:
            """Ask the processes to end; end them at once if none of them can be asked."""
            asked = [ask_to_stop(pid) for pid in self._pids()]
            if not any(asked):
                self.kill()

        def kill(self) -> None:
            """End the processes at once."""
            if self._job:
                _system.TerminateJobObject(self._job, _KILLED)

        def close(self) -> None:
            """End the processes that are left, and forget the tree."""
            job, self._job = self._job, None
            if job:
                _system.CloseHandle(job)

        def _pids(self) -> list[int]:
            ids = _ProcessIds()
            if not self._job or not _system.QueryInformationJobObject(
                self._job, _BASIC_PROCESS_ID_LIST, ctypes.byref(ids), ctypes.sizeof(ids), None
            ):
                return []
            return list(ids.ProcessIdList[: ids.NumberOfProcessIdsInList])

    def _new_job() -> int | None:
        """Make a job that ends with its last handle, which only this process has."""
        job: int | None = _system.CreateJobObjectW(None, None)
        limits = _ExtendedLimits()
        # A process may start one that outlives the tree, but has to say so, as NI's SDK does.
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_JOB_CLOSE | _BREAKAWAY_OK
        if not job or not _system.SetInformationJobObject(
            job, _EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), ctypes.sizeof(limits)
        ):
            raise ctypes.WinError(ctypes.get_last_error())
        return job

    def _assign(job: int | None, pid: int) -> None:
        process = _system.OpenProcess(_SET_QUOTA_AND_TERMINATE, False, pid)
        try:
            if not process or not _system.AssignProcessToJobObject(job, process):
                raise ctypes.WinError(ctypes.get_last_error())
        finally:
            if process:
                _system.CloseHandle(process)

else:
    START_OPTIONS: dict[str, Any] = {"start_new_session": True}
    """Options with which a process of a tree is started: as the leader of a process group."""

    class ProcessTree:
        """A started process, and all processes of its process group.

        Args:
            pid: Process id of a process that was started with `START_OPTIONS`.
        """

        def __init__(self, pid: int) -> None:
            self._group: int | None = pid

        def terminate(self) -> None:
            """Ask the processes to end."""
            self._signal(signal.SIGTERM)

        def kill(self) -> None:
            """End the processes at once."""
            self._signal(signal.SIGKILL)

        def close(self) -> None:
            """End the processes that are left, and forget the tree."""
            self.kill()
            self._group = None  # the system may give its number to another group

        def _signal(self, number: signal.Signals) -> None:
            with suppress(ProcessLookupError, PermissionError):
                if self._group is not None:
                    os.killpg(self._group, number)
