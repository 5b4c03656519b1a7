"""Find the folder in which NI's discovery service looks for plug-ins on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError

if sys.platform == "win32":
    import winreg

    _KEY = r"SOFTWARE\National Instruments\Common\Installer"
    _PUBLIC_DATA = "NIPUBAPPDATADIR"
    """Value with NI's folder of public data, usually ``C:\\ProgramData\\National Instruments``."""


def plugins_folder() -> Path:
    """Return the folder in which NI's discovery service looks for plug-ins, one folder each.

    Raises:
        InvalidArgumentError: This machine has no such folder. The message says what to do.
    """
    if sys.platform == "win32":
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _KEY) as key:
                data, _ = winreg.QueryValueEx(key, _PUBLIC_DATA)
        except FileNotFoundError as error:
            raise InvalidArgumentError(
                "NI's software is not installed on this machine, so it has no folder for plug-ins. "
                "Name a folder."
            ) from error
        return Path(data) / "Plug-Ins" / "Measurements"
    raise InvalidArgumentError(
        "Only on Windows, NI's software has a folder for plug-ins. Name a folder, and give it to "
        "`platform-sim up --plugins`."
    )
