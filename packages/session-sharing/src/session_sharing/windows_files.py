"""Make files that only this user can read, and read the access lists of files, on Windows."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import contextlib
    import ctypes
    import functools
    import msvcrt
    import os
    from collections.abc import Iterator
    from ctypes import wintypes
    from pathlib import Path

    from session_sharing.access_list import ALLOWS, AccessList, Entry, private_to

    _GENERIC_WRITE = 0x40000000
    _SHARE_ALL = 0x7
    _CREATE_NEW = 1
    _FILE_ATTRIBUTE_NORMAL = 0x80
    _INVALID_HANDLE = wintypes.HANDLE(-1).value
    _SE_FILE_OBJECT = 1
    _OWNER_AND_LIST = 0x1 | 0x4
    _TOKEN_QUERY = 0x8
    _TOKEN_USER = 1
    _SDDL_REVISION = 1

    class _SecurityAttributes(ctypes.Structure):
        _fields_ = [
            ("size", wintypes.DWORD),
            ("descriptor", wintypes.LPVOID),
            ("inherit", wintypes.BOOL),
        ]

    class _List(ctypes.Structure):
        _fields_ = [
            ("revision", wintypes.BYTE),
            ("unused", wintypes.BYTE),
            ("size", wintypes.WORD),
            ("count", wintypes.WORD),
        ]

    class _Entry(ctypes.Structure):
        _fields_ = [
            ("kind", ctypes.c_ubyte),
            ("flags", ctypes.c_ubyte),
            ("size", wintypes.WORD),
            ("rights", wintypes.DWORD),
        ]

    _system = ctypes.WinDLL("kernel32", use_last_error=True)
    _system.LocalFree.argtypes = [wintypes.LPVOID]
    _system.LocalFree.restype = wintypes.LPVOID
    _system.CloseHandle.argtypes = [wintypes.HANDLE]
    _system.GetCurrentProcess.restype = wintypes.HANDLE
    _system.CreateFileW.argtypes = [
        wintypes.LPCWSTR,
        wintypes.DWORD,
        wintypes.DWORD,
        ctypes.POINTER(_SecurityAttributes),
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.HANDLE,
    ]
    _system.CreateFileW.restype = wintypes.HANDLE

    _security = ctypes.WinDLL("advapi32", use_last_error=True)
    _security.GetSecurityInfo.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.DWORD,
        ctypes.POINTER(wintypes.LPVOID),
        wintypes.LPVOID,
        ctypes.POINTER(wintypes.LPVOID),
        wintypes.LPVOID,
        ctypes.POINTER(wintypes.LPVOID),
    ]
    _security.GetSecurityInfo.restype = wintypes.DWORD
    _security.GetAce.argtypes = [
        wintypes.LPVOID,
        wintypes.DWORD,
        ctypes.POINTER(wintypes.LPVOID),
    ]
    _security.ConvertSidToStringSidW.argtypes = [
        wintypes.LPVOID,
        ctypes.POINTER(wintypes.LPVOID),
    ]
    _security.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = [
        wintypes.LPCWSTR,
        wintypes.DWORD,
        ctypes.POINTER(wintypes.LPVOID),
        wintypes.LPVOID,
    ]
    _security.OpenProcessToken.argtypes = [
        wintypes.HANDLE,
        wintypes.DWORD,
        ctypes.POINTER(wintypes.HANDLE),
    ]
    _security.GetTokenInformation.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
        ctypes.POINTER(wintypes.DWORD),
    ]

    def create_private(path: Path) -> int:
        """Create a file that only this user and the administrators can use; open it for writing.

        The file has its access list from the start: nobody can open it earlier.

        Returns:
            A file descriptor.

        Raises:
            OSError: The file cannot be created.
        """
        with _descriptor(private_to(this_user())) as descriptor:
            size = ctypes.sizeof(_SecurityAttributes)
            attributes = _SecurityAttributes(size, descriptor, False)
            handle = _system.CreateFileW(
                str(path),
                _GENERIC_WRITE,
                _SHARE_ALL,
                ctypes.byref(attributes),
                _CREATE_NEW,
                _FILE_ATTRIBUTE_NORMAL,
                None,
            )
        if handle == _INVALID_HANDLE:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, os.O_WRONLY | os.O_BINARY | os.O_NOINHERIT)

    def access_list_of(descriptor: int) -> AccessList:
        """Return who owns an open file, and who may do what with it.

        Args:
            descriptor: A file descriptor.

        Raises:
            OSError: The system does not say it.
        """
        owner, entries, made = wintypes.LPVOID(), wintypes.LPVOID(), wintypes.LPVOID()
        failed = _security.GetSecurityInfo(
            msvcrt.get_osfhandle(descriptor),
            _SE_FILE_OBJECT,
            _OWNER_AND_LIST,
            ctypes.byref(owner),
            None,
            ctypes.byref(entries),
            None,
            ctypes.byref(made),
        )
        if failed:
            raise ctypes.WinError(failed)
        try:
            found = None if entries.value is None else list(_entries(entries.value))
            return AccessList(_text_of(owner), found)
        finally:
            _system.LocalFree(made)

    @functools.cache
    def this_user() -> str:
        """Return the security identifier of the user of this process.

        Raises:
            OSError: The system does not say it.
        """
        token = wintypes.HANDLE()
        process = _system.GetCurrentProcess()
        _check(_security.OpenProcessToken(process, _TOKEN_QUERY, ctypes.byref(token)))
        try:
            size = wintypes.DWORD()
            _security.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(size))
            answer = ctypes.create_string_buffer(size.value)
            _check(
                _security.GetTokenInformation(token, _TOKEN_USER, answer, size, ctypes.byref(size))
            )
            return _text_of(wintypes.LPVOID.from_buffer(answer))
        finally:
            _system.CloseHandle(token)

    def _entries(address: int) -> Iterator[Entry]:
        for index in range(_List.from_address(address).count):
            found = wintypes.LPVOID()
            _check(_security.GetAce(address, index, ctypes.byref(found)))
            assert found.value is not None
            head = _Entry.from_address(found.value)
            if head.kind in ALLOWS:
                identity = wintypes.LPVOID(found.value + ctypes.sizeof(_Entry))
                yield Entry(head.flags, head.rights, _text_of(identity))

    def _text_of(identity: wintypes.LPVOID) -> str:
        text = wintypes.LPVOID()
        _check(_security.ConvertSidToStringSidW(identity, ctypes.byref(text)))
        try:
            assert text.value is not None
            return ctypes.wstring_at(text.value)
        finally:
            _system.LocalFree(text)

    @contextlib.contextmanager
    def _descriptor(sddl: str) -> Iterator[wintypes.LPVOID]:
        """Give a security descriptor in the form of the system."""
        made = wintypes.LPVOID()
        convert = _security.ConvertStringSecurityDescriptorToSecurityDescriptorW
        _check(convert(sddl, _SDDL_REVISION, ctypes.byref(made), None))
        try:
            yield made
        finally:
            _system.LocalFree(made)

    def _check(succeeded: int) -> None:
        if not succeeded:
            raise ctypes.WinError(ctypes.get_last_error())
