"""Which command starts an installed service on this machine."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from platform_sim.discovery.serviceconfig import InstalledService
from platform_sim.errors import PluginStartError

_BAT_PYTHON_LINE = re.compile(
    r"^\s*(?:@\s*)?(?:call\s+)?\"?(?P<python>\S*?python(?:\.exe)?)\"?\s+(?P<arguments>.+\.py\b.*)$",
    re.IGNORECASE,
)


def start_command(installed: InstalledService) -> list[str]:
    """Returns the command for an installed service.

    In this order: the `start` command of the `platform-sim` section, a start.sh beside the
    .serviceconfig file, on Windows its `path`, else the Python line of the .bat file that `path`
    names, with its `.venv/Scripts/python.exe` mapped to the environment's Python here, or to the
    platform's own when the folder has no environment.

    Raises:
        PluginStartError: Nothing startable was found, or it cannot be read.
    """
    try:
        return _command_of(installed)
    except OSError as error:
        raise PluginStartError(f"{installed.config_file}: {error}") from error


def _command_of(installed: InstalledService) -> list[str]:
    folder = installed.folder
    if installed.start_command:
        program, *arguments = installed.start_command
        beside = folder / program
        return [str(beside) if beside.is_file() else program, *arguments]
    script = folder / "start.sh"
    if script.is_file() and sys.platform != "win32":
        return [str(script)] if _names_its_interpreter(script) else ["/bin/sh", str(script)]
    if not installed.start_path:
        raise PluginStartError(f"{installed.config_file}: key 'path' is missing.")
    target = folder / installed.start_path.replace("\\", "/")
    if not target.is_file():
        raise PluginStartError(f"{installed.config_file}: {target} does not exist.")
    if sys.platform == "win32" or target.suffix.lower() != ".bat":
        return [str(target)]
    return _command_of_batch_file(target, folder)


def _names_its_interpreter(script: Path) -> bool:
    with script.open("rb") as file:
        return os.access(script, os.X_OK) and file.read(2) == b"#!"


def _command_of_batch_file(file: Path, folder: Path) -> list[str]:
    for line in reversed(file.read_text(encoding="utf-8-sig", errors="replace").splitlines()):
        match = _BAT_PYTHON_LINE.match(line)
        if match:
            python = _environment_python(folder) or Path(sys.executable)
            arguments = match["arguments"].replace("\\", "/").replace("%~dp0", f"{folder}/")
            return [str(python), *_split(file, arguments.replace("%*", ""))]
    raise PluginStartError(
        f"{file} has no line that runs a Python script; put a start.sh beside it, or give a "
        f'"platform-sim": {{"start": [...]}} section in the .serviceconfig file.'
    )


def _split(file: Path, arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise PluginStartError(f"{file}: {error} in: {arguments}") from error


def _environment_python(folder: Path) -> Path | None:
    python = folder / ".venv" / "bin" / "python"
    return python if python.exists() else None
