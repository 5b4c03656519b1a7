"""Start the logger when the user signs in to Windows, by a file in the user's Startup folder.

A scheduled task would need administrator rights to start at login.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from session_sharing import InvalidArgumentError
from session_sharing.ni.folders import in_batch_file

_BATCH = """\
@echo off
rem Written by `json-logger install --at-login`; `json-logger uninstall --at-login` removes it.
rem The command interpreter reads this file as UTF-8 from here on.
chcp 65001 >nul
start "JSON logger" /min "{python}" -m json_logger_server serve{options}
"""


def write_entry(roots: Sequence[Path]) -> Path:
    """Write the file that starts the logger at login, in a minimized window.

    Args:
        roots: Folders for logs; none means those of `json-logger serve`.

    Returns:
        The file.

    Raises:
        InvalidArgumentError: This system has no Startup folder.
    """
    file = _entry()
    file.parent.mkdir(parents=True, exist_ok=True)
    options = "".join(f' --log-root "{_argument(root)}"' for root in roots)
    text = _BATCH.format(python=in_batch_file(sys.executable), options=options)
    with file.open("w", encoding="utf-8", newline="\r\n") as stream:
        stream.write(text)
    return file


def remove_entry() -> Path:
    """Remove the file that `write_entry` wrote; a logger that runs goes on.

    Returns:
        The file.

    Raises:
        InvalidArgumentError: There is none, or this system has no Startup folder.
    """
    file = _entry()
    try:
        file.unlink()
    except FileNotFoundError as error:
        raise InvalidArgumentError(
            f"The logger is not started at login: there is no {file}."
        ) from error
    return file


def _entry() -> Path:
    data = os.environ.get("APPDATA")
    if os.name != "nt" or not data:
        raise InvalidArgumentError(
            "--at-login is for Windows, and needs the variable APPDATA. On Linux, use a systemd "
            "user unit; docs/running.md has one."
        )
    startup = Path(data) / "Microsoft" / "Windows" / "Start Menu" / "Programs" / "Startup"
    return startup / "json-logger.bat"


def _argument(root: Path) -> str:
    """Return a folder as it stands between quotes; a backslash before a quote would escape it."""
    text = in_batch_file(str(root.absolute()))
    return f"{text}." if text.endswith("\\") else text
