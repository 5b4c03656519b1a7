"""Choose the command that starts an installed service on this machine."""

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
    'put a start.sh beside the .serviceconfig file, or add the section "platform-sim": '
    '{"start": [...]} to it.'
)


@dataclass(frozen=True, slots=True)
class StartCommand:
    """The command that starts an installed service."""

    arguments: list[str]
    """Program and arguments."""
    folder: Path
    """The working folder."""
    variables: dict[str, str] = field(default_factory=dict)
    """More environment variables."""

    def refuse_untrusted(self, installed: InstalledService) -> None:
        """Raise an error if other users could change the files that this command runs.

        The user chose the Python, so its file is not checked. Only if it is in the plug-in's
        folder, the folders above it are checked.

        Raises:
            PluginStartError: Another user could change a file.
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
    """Return the command for an installed service.

    The first of these that exists: the `start` command of the `platform-sim` section; a start.sh
    beside the .serviceconfig file; on Windows its `path`; the last line of the .bat file in `path`
    that runs a Python script or module, or a program of a Python environment. The `Scripts` folder
    of an environment is its `bin` here. If the environment does not exist, the platform's own is
    used; on Windows, too, when the .bat file runs nothing else.

    Raises:
        PluginStartError: No command can be started, or the file cannot be read.
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
        raise PluginStartError(f"{installed.config_file}: the key 'path' is missing. Add it.")
    target = folder / installed.start_path.replace("\\", "/")
    if not target.is_file():
        raise PluginStartError(
            f"{installed.config_file}: {target} does not exist. Correct 'path', {_WAYS_OUT}"
        )
    is_batch_file = target.suffix.lower() in (".bat", ".cmd")
    if is_batch_file and (sys.platform != "win32" or _lacks_its_environment(target)):
        return _command_of_batch_file(target)
    if sys.platform != "win32":
        _refuse_windows_program(target)
    return StartCommand([str(target)], folder)


def _names_its_interpreter(script: Path) -> bool:
    with script.open("rb") as file:
        return os.access(script, os.X_OK) and file.read(2) == b"#!"


def _refuse_windows_program(program: Path) -> None:
    with program.open("rb") as file:
        if file.read(2) == b"MZ":
            raise PluginStartError(f"{program} is a program for Windows. Here, {_WAYS_OUT}")


def _lacks_its_environment(batch_file: Path) -> bool:
    """Return whether a batch file runs only programs of an environment that does not exist."""
    try:
        commands = read_batch_file(batch_file)
    except PluginStartError:  # Windows may understand more
        return False
    programs = [one for one in commands if one.words[0].lower() not in _SHELL_COMMANDS]
    paths = [one.folder / one.words[0] for one in programs]
    return bool(paths) and all(
        path.parent.name.lower() == "scripts"
        and not path.exists()
        and not Path(f"{path}.exe").exists()
        for path in paths
    )


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
        missing_one = (
            f"{missing!r}, which is not installed. Install it into {file.parent / '.venv'}, or"
        )
        raise PluginStartError(f"{file} runs {missing_one} {_WAYS_OUT}")
    raise PluginStartError(f"{file} runs no program that can run here. To start it, {_WAYS_OUT}")


def _without_runner(words: Sequence[str]) -> list[str]:
    """Return a command without the tool that finds its Python, such as `poetry run` and `py -3`."""
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
    """Return whether Python runs a script or module. A tool such as pip prepares for one only."""
    if "-m" in arguments:
        module = arguments[arguments.index("-m") + 1 :][:1]
        return bool(module) and module[0] not in _TOOLS
    return any(argument.endswith(".py") for argument in arguments)


def _locate(path: Path, name: str, environments: Sequence[Path]) -> Path | None:
    """Return a program of one of the environments, or of the platform's own environment."""
    if path.suffix.lower() not in (".exe", ".bat", ".cmd") and os.access(path, os.X_OK):
        return path if path.is_file() else None
    for environment in environments:
        if (environment / "bin" / name).exists():
            return environment / "bin" / name
    if name == "python":
        return Path(sys.executable)
    own = Path(sys.executable).with_name(name)
    is_environment = sys.prefix != sys.base_prefix  # otherwise the folder has the system's programs
    return own if is_environment and own.exists() else None


def _variables(command: BatchCommand) -> dict[str, str]:
    """Return the variables that a batch file set, with values that programs here understand."""
    variables = {
        name: value for name, value in command.variables.items() if name not in _FOREIGN_VARIABLES
    }
    if "PYTHONPATH" in variables:
        places = variables["PYTHONPATH"].replace("\\", "/").split(";")
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    return variables
