"""Write, and remove, the folder by which discovery finds a program and starts it on demand."""

from __future__ import annotations

import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError

_START_SH = """\
#!/bin/sh
# Started by the discovery service.
cd "$(dirname "$0")" || exit 1
exec "{python}" -m {command} "$@"
"""

_START_BAT = """\
@echo off
rem The command interpreter reads this file as UTF-8 from here on.
chcp 65001 >nul
rem Started by the discovery service. A .venv in this folder (install.bat makes one) goes first.
cd /d "%~dp0"
set "START_PYTHON={python}"
if exist ".venv\\Scripts\\python.exe" set "START_PYTHON=.venv\\Scripts\\python.exe"
"%START_PYTHON%" -m {command} %*
"""

_INSTALL_BAT = """\
@echo off
rem Called after this folder was published to another machine: installs the program into .venv.
cd /d "%~dp0"
py -3 -m venv .venv
.venv\\Scripts\\python.exe -m pip install {distribution}=={version}
"""

_SERVICE_IGNORE = ".venv\n__pycache__\n*.log\n"

_SCRIPTS = (
    ("start.sh", _START_SH, "\n"),
    ("start.bat", _START_BAT, "\r\n"),
    ("install.bat", _INSTALL_BAT, "\r\n"),
    (".serviceignore", _SERVICE_IGNORE, "\n"),
)
"""Name, content and line end of the files that are not data of the program."""


@dataclass(frozen=True, slots=True)
class Startable:
    """A program that discovery can start."""

    data: Path
    """Folder whose files are copied unchanged, such as the .serviceconfig and a .measui."""
    command: str
    """Module and arguments that follow ``python -m``."""
    distribution: str
    """Name on the package index."""
    version: str
    """Version of the distribution."""


def lay_out(program: Startable, folder: Path) -> list[Path]:
    """Write the folder; its start scripts run the Python that runs this program.

    Args:
        program: What the folder starts.
        folder: Folder to create or refresh.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [Path(shutil.copy(source, folder)) for source in sorted(program.data.iterdir())]
    for name, template, newline in _SCRIPTS:
        python = in_batch_file(sys.executable) if name.endswith(".bat") else sys.executable
        text = template.format(
            python=python,
            command=program.command,
            distribution=program.distribution,
            version=program.version,
        )
        file = folder / name
        with file.open("w", encoding="utf-8", newline=newline) as stream:
            stream.write(text)
        if name.startswith("start"):
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        written.append(file)
    return written


def take_away(program: Startable, folder: Path) -> list[Path]:
    """Remove the files that `lay_out` wrote, and the folder if nothing else is in it.

    Args:
        program: What the folder starts.
        folder: The folder.

    Returns:
        What stays in the folder, such as a ``.venv`` or files of the user.

    Raises:
        InvalidArgumentError: The folder is not one of this program; nothing was removed.
    """
    data = [folder / source.name for source in program.data.iterdir()]
    configs = [path for path in data if path.suffix == ".serviceconfig"]
    if not configs or not all(path.is_file() for path in configs):
        names = ", ".join(path.name for path in configs)
        raise InvalidArgumentError(
            f"{folder} is not a folder of {program.distribution}: it has no {names}. Name the "
            "folder that `install` wrote."
        )
    for path in (*data, *(folder / name for name, _, _ in _SCRIPTS)):
        path.unlink(missing_ok=True)
    left = sorted(folder.iterdir())
    if not left:
        folder.rmdir()
    return left


def in_batch_file(text: str) -> str:
    """Return how a batch file writes a text: a percent sign stands there twice."""
    return text.replace("%", "%%")
