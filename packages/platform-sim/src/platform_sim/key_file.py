"""The key file in which NI's SDK on Windows finds a discovery service.

The SDK reads the port from a file in a folder that the registry names. The discovery service keeps
the file open: others can read it, and cannot write it. The variable NIDiscovery_ClusterId selects
another file of the folder. So a platform beside NI's own services does not disturb them.

The facts come from the package ni-measurementlink-discovery-v1-client, version 1.2.0.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from session_sharing.installer_registry import INSTALLER_KEY, PUBLIC_DATA, installer_value

from platform_sim.errors import PlatformSimError

_SOFTWARE_VALUE = "NISHAREDDIR64"
"""A registry value that NI's software has, and a platform never writes."""

_BELOW = Path("MeasurementLink", "Discovery", "v1")

if sys.platform == "win32":
    import ctypes
    import msvcrt
    import winreg
    from ctypes import wintypes

    _CREATE_ALWAYS = 2
    _DELETE = 0x00010000
    _DELETE_ON_CLOSE = 0x04000000
    _GENERIC_WRITE = 0x40000000
    _INVALID_HANDLE = wintypes.HANDLE(-1).value
    _SHARE_READ = 0x00000001

    _system = ctypes.WinDLL("kernel32", use_last_error=True)
    _system.CreateFileW.argtypes = [
        wintypes.LPCWSTR,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.LPVOID,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.HANDLE,
    ]
    _system.CreateFileW.restype = wintypes.HANDLE

    def key_file(cluster: str = "") -> Path | None:
        """Return the path of a key file; None if the registry does not name the folder.

        Args:
            cluster: Value of NIDiscovery_ClusterId; "" for the discovery service of the machine.
        """
        folder = installer_value(PUBLIC_DATA)
        if folder is None:
            return None
        name = f"DiscoveryService_{cluster}.json" if cluster else "DiscoveryService.json"
        return Path(folder) / _BELOW / name

    @contextlib.contextmanager
    def holding_key_file(file: Path, discovery_address: str) -> Iterator[None]:
        """Keep a key file as long as the `with` block. It goes with the process, too.

        Raises:
            PlatformSimError: Another discovery service has the file, or it cannot be written.
        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _create(file)
        except OSError as error:
            raise PlatformSimError(
                f"NI's SDK reads the port of the discovery service from {file}. The file cannot be "
                f"written: {error.strerror}. If another discovery service runs, stop it."
            ) from error
        try:
            port = discovery_address.rpartition(":")[2]
            os.write(descriptor, json.dumps({"InsecurePort": port}).encode())
            yield
        finally:
            os.close(descriptor)

    def set_up_registry() -> None:
        """Name a folder of key files in the registry, on a machine without NI's software.

        Raises:
            PlatformSimError: NI's software is installed, or the user is no administrator.
        """
        wanted = str(Path(os.environ["PROGRAMDATA"]) / "platform-sim")
        found = installer_value(PUBLIC_DATA)
        if installer_value(_SOFTWARE_VALUE) is not None or found not in (None, wanted):
            raise PlatformSimError(
                "NI's software is installed on this machine, and its programs must find NI's "
                "discovery service. Start the platform without --as-ni-discovery."
            )
        if found == wanted:
            return
        try:
            with winreg.CreateKeyEx(
                winreg.HKEY_LOCAL_MACHINE, INSTALLER_KEY, access=winreg.KEY_WRITE
            ) as key:
                winreg.SetValueEx(key, PUBLIC_DATA, 0, winreg.REG_SZ, wanted)
        except OSError as error:
            raise PlatformSimError(
                f"The registry value HKLM\\{INSTALLER_KEY}\\{PUBLIC_DATA} cannot be written: "
                f"{error.strerror}. Run the command once as administrator."
            ) from error

    def _create(file: Path) -> int:
        """Create a file that goes when it is closed, and return its descriptor."""
        handle = _system.CreateFileW(
            str(file),
            _GENERIC_WRITE | _DELETE,
            _SHARE_READ,
            None,
            _CREATE_ALWAYS,
            _DELETE_ON_CLOSE,
            None,
        )
        if handle == _INVALID_HANDLE:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, os.O_WRONLY)

else:

    def key_file(cluster: str = "") -> Path | None:
        """Return None: NI's SDK has no key files on this system."""
        return None

    def holding_key_file(
        file: Path, discovery_address: str
    ) -> contextlib.AbstractContextManager[None]:
        """Return a context that does nothing."""
        return contextlib.nullcontext()

    def set_up_registry() -> None:
        """Refuse.

        Raises:
            PlatformSimError: Always; this system has no registry.
        """
        raise PlatformSimError(
            "--as-ni-discovery is for Windows. Here, run programs with 'platform-sim exec'."
        )
