"""Read what NI's installers wrote into the registry of Windows."""

from __future__ import annotations

import sys

INSTALLER_KEY = r"SOFTWARE\National Instruments\Common\Installer"
"""The key below HKEY_LOCAL_MACHINE."""

PUBLIC_DATA = "NIPUBAPPDATADIR"
"""Value with NI's folder of public data, usually ``C:\\ProgramData\\National Instruments``."""

if sys.platform == "win32":
    import winreg

    def installer_value(name: str) -> str | None:
        """Return a value of the key; None if there is none."""
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, INSTALLER_KEY) as key:
                return str(winreg.QueryValueEx(key, name)[0])
        except FileNotFoundError:
            return None

else:

    def installer_value(name: str) -> str | None:
        """Return None: this system has no registry."""
        return None
