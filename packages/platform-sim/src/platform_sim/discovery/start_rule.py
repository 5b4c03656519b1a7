"""Which command starts an installed service on this machine."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platform_sim.discovery.batch_file import BatchCommand, read_batch_file
from platform_sim.discovery.serviceconfig import TRUST_REMEDY, InstalledService
from platform_sim.errors import PluginStartError
from platform_sim.ownership import why_not_trusted

_PYTHON = re.compile(r"pythonw?[\d.]*(?:\.exe)?", re.IGNORECASE)
_LAUNCHER_OPTION = re.compile(r"-(?:\d.*|V:.*)", re.IGNORECASE)
_RUNNERS = ("poetry", "uv", "pipenv", "pdm", "hatch", "rye")
_TOOLS = ("pip", "venv", "virtualenv", "ensurepip", "poetry")
_SHELL_COMMANDS = (
    *("chcp", "cls", "color", "copy", "del", "dir", "echo", "endlocal", "md", "mkdir", "mode"),
    *("pause", "ping", "popd", "rd", "rmdir", "setlocal", "timeout", "title", "type", "ver"),
    *("where", "xcopy"),
)
_FOREIGN_VARIABLES = ("PATH", "PYTHONHOME")
_WAYS_OUT = (
    'put a start.sh beside it, or give a "platform-sim": {"start": [...]} section in the '
    ".serviceconfig file."
)


@dataclass(frozen=True, slots=True)
class StartCommand:
    """How to start an installed service."""

    arguments: list[str]
    """Program and arguments."""
    folder: Path
    """The working folder."""
    variables: dict[str, str] = field(default_factory=dict)
    """More environment variables."""

    def refuse_untrusted(self, installed: InstalledService) -> None:
        """Do nothing if nobody else than this user could have written what would run.

        A Python is the user's choice: it is not looked at but for its place, when that is in the
        plug-in's folder.

        Raises:
            PluginStartError: Somebody else could have.
        """
        script = installed.start_path.replace("\\", "/")
        named = [self.folder / argument for argument in self.arguments[1:]]
        read = [installed.config_file, installed.folder / script, *named]
        doubts = [why_not_trusted(file, TRUST_REMEDY) for file in read if file.is_file()]
        program = Path(self.arguments[0])
        if program.is_relative_to(installed.folder):
            doubts.append(why_not_trusted(program, TRUST_REMEDY, follows=False))
        for doubt in filter(None, doubts):
            raise PluginStartError(f"{installed.service.service_class}: {doubt}")


def start_command(installed: InstalledService) -> StartCommand:
    """Returns the command for an installed service.

    In this order: the `start` command of the `platform-sim` section, a start.sh beside the
    .serviceconfig file, on Windows its `path`, else the last line of the .bat file that `path`
    names which runs a Python script or module, or a program of a Python environment. An
    environment's `Scripts` folder is its `bin` here; the platform's own environment takes the
    place of one that is not there.

    Raises:
        PluginStartError: Nothing startable was found, or it cannot be read.
    """
    try:
        return _command_of(installed)
    except OSError as error:
        raise PluginStartError(f"{installed.config_file}: {error}") from error


def _command_of(installed: InstalledService) -> StartCommand:
    folder = installed.folder
    if installed.start_command:
        program, *arguments = installed.start_command
        beside = folder / program
        return StartCommand([str(beside) if beside.is_file() else program, *arguments], folder)
    script = folder / "start.sh"
    if script.is_file() and sys.platform != "win32":
        interpreter = [] if _names_its_interpreter(script) else ["/bin/sh"]
        return StartCommand([*interpreter, str(script)], folder)
    if not installed.start_path:
        raise PluginStartError(f"{installed.config_file}: key 'path' is missing.")
    target = folder / installed.start_path.replace("\\", "/")
    if not target.is_file():
        raise PluginStartError(f"{installed.config_file}: {target} does not exist; {_WAYS_OUT}")
    if sys.platform != "win32":
        if target.suffix.lower() in (".bat", ".cmd"):
            return _command_of_batch_file(target)
        _refuse_windows_program(target)
    return StartCommand([str(target)], folder)


def _names_its_interpreter(script: Path) -> bool:
    with script.open("rb") as file:
        return os.access(script, os.X_OK) and file.read(2) == b"#!"


def _refuse_windows_program(program: Path) -> None:
    with program.open("rb") as file:
        if file.read(2) == b"MZ":
            raise PluginStartError(f"{program} is a program for Windows; {_WAYS_OUT}")


def _command_of_batch_file(file: Path) -> StartCommand:
    activated: list[Path] = []
    found: StartCommand | None = None
    missing = ""
    for command in read_batch_file(file):
        program, *arguments = _without_runner(command.words)
        path = command.folder / program
        if path.stem.lower() == "activate":
            activated = [path.parent.parent]
            continue
        named = [path.parent.parent] if path.parent.name.lower() == "scripts" else []
        usual = [folder / ".venv" for folder in (command.folder, file.parent)]
        is_python = _PYTHON.fullmatch(path.name) is not None
        name = "python" if is_python else path.name.removesuffix(".exe")
        is_tool = not _runs_a_plugin(arguments) if is_python else name.lower() in _TOOLS
        if is_tool or program.lower() in _SHELL_COMMANDS:
            continue
        located = _locate(path, name, named + activated + usual)
        if located is None:
            missing = program
            continue
        found = StartCommand([str(located), *arguments], command.folder, _variables(command))
    if found is not None:
        return found
    if missing:
        told = f"{missing!r}, which is not here; install it into {file.parent / '.venv'}, or"
        raise PluginStartError(f"{file} runs {told} {_WAYS_OUT}")
    raise PluginStartError(f"{file} runs no program; {_WAYS_OUT}")


def _without_runner(words: Sequence[str]) -> list[str]:
    """Returns a command without what finds the Python for it, such as `poetry run` and `py -3`."""
    program, *arguments = words
    if program.lower().endswith(".py"):
        return ["python", *words]
    name = Path(program).stem.lower()
    if name == "py":
        return ["python", *itertools.dropwhile(_LAUNCHER_OPTION.fullmatch, arguments)]
    if name in _RUNNERS and arguments[:1] == ["run"]:
        rest = list(itertools.dropwhile(lambda word: word.startswith("-"), arguments[1:]))
    elif name in ("cmd", "start"):
        rest = list(itertools.dropwhile(lambda word: not word or word[0] == "/", arguments))
    else:
        return list(words)
    return _without_runner(rest) if rest else list(words)


def _runs_a_plugin(arguments: Sequence[str]) -> bool:
    """Tells whether Python runs a script or module, and not a tool that prepares for one."""
    if "-m" in arguments:
        module = arguments[arguments.index("-m") + 1 :][:1]
        return bool(module) and module[0] not in _TOOLS
    return any(argument.endswith(".py") for argument in arguments)


def _locate(path: Path, name: str, environments: Sequence[Path]) -> Path | None:
    """Returns a program of one of the environments, else of the platform's own one."""
    if path.suffix.lower() not in (".exe", ".bat", ".cmd") and os.access(path, os.X_OK):
        return path if path.is_file() else None
    for environment in environments:
        if (environment / "bin" / name).exists():
            return environment / "bin" / name
    if name == "python":
        return Path(sys.executable)
    own = Path(sys.executable).with_name(name)
    is_environment = sys.prefix != sys.base_prefix  # else the system's programs are beside Python
    return own if is_environment and own.exists() else None


def _variables(command: BatchCommand) -> dict[str, str]:
    """Returns what a batch file set, as programs here read it."""
    variables = {
        name: value for name, value in command.variables.items() if name not in _FOREIGN_VARIABLES
    }
    if "PYTHONPATH" in variables:
        places = variables["PYTHONPATH"].replace("\\", "/").split(";")
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    return variables
