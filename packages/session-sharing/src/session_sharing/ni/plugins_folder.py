"""Find the folder in which NI's discovery service looks for plug-ins on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError
from session_sharing.installer_registry import PUBLIC_DATA, installer_value


def plugins_folder() -> Path:
    """Return the folder in which NI's discovery service looks for plug-ins, one folder each.

    Raises:
        InvalidArgumentError: This machine has no such folder. The message says what to do.
    """
    if sys.platform == "win32":
        data = installer_value(PUBLIC_DATA)
        if data is None:
            raise InvalidArgumentError(
                "NI's software is not installed on this machine, so it has no folder for plug-ins. "
                "Name a folder."
            )
        return Path(data) / "Plug-Ins" / "Measurements"
    raise InvalidArgumentError(
        "Only on Windows, NI's software has a folder for plug-ins. Name a folder, and give it to "
        "`platform-sim up --plugins`."
    )
