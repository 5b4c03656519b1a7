"""Do what a page asks of its reader: write its files, type its commands."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[4]

_FILE = re.compile(r"`(\w+/[\w.]+)`(?:(?!```).)*?:\n\n```\w+\n(.*?)^```$", re.M | re.S)
_NAMED_FILE = re.compile(r"^```(?:python|json|bat)\n(?:#|//|REM) (\S+)\n(.*?)^```$", re.M | re.S)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)

_READY = {
    "platform-sim up": "platform-sim is ready",
    "exec -- json-logger serve": "Registered with NI",
    "json-logger serve": "json-logger is ready",
}
"""What keeps its terminal, and what it says when the next command may be typed."""


class Page:
    """A page of this project, or of another.

    Args:
        path: Its place below the top folder, or an absolute path.
    """

    def __init__(self, path: str | Path) -> None:
        self.text = (ROOT / path).read_text(encoding="utf-8")

    def files(self) -> dict[str, str]:
        """Return the files that the reader must write: a name in prose, a colon, a code block."""
        return dict(_FILE.findall(self.text))

    def named_files(self) -> dict[str, str]:
        """Return the files that have their names in the first line of their code blocks."""
        return dict(_NAMED_FILE.findall(self.text))

    def blocks(self, title: str, language: str) -> str:
        """Return the blocks of one language below a heading, up to the next of its rank."""
        section = self.text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        return "".join(text for kind, text in _BLOCK.findall(section) if kind == language)

    def commands(self, title: str) -> list[str]:
        """Return the commands below a heading, one in each line, without making an environment."""
        text = self.blocks(title, "").replace("\\\n", " ")
        lines = (line.split("  #")[0].strip() for line in text.splitlines())
        return [line for line in lines if line and "noxfile.py" not in line]


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files of a page into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def new_account(home: Path, programs: Path) -> dict[str, str]:
    """Return the environment of an account that has done nothing yet.

    Args:
        home: Its empty home folder, to make.
        programs: Folder of programs that it finds before all others.
    """
    home.mkdir(mode=0o700)
    foreign = ("PLATFORM_SIM", "JSON_LOGGER", "MEASUREMENT_PLUGIN", "PYTEST", "XDG")
    foreign += ("VIRTUAL_ENV", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")  # the environment of nox
    own = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    places = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": path}
    return {**own, **places, "PYTHONUNBUFFERED": "1"}


class Terminals:
    """Terminals in a folder.

    Args:
        folder: Their working folder.
        environment: The environment of each.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def type(self, commands: Sequence[str]) -> str:
        """Type commands one after the other. Those that keep a terminal get one each.

        Returns:
            What the other commands printed.
        """
        printed = []
        with ExitStack() as terminals:
            for command in commands:
                word = next((word for server, word in _READY.items() if server in command), None)
                if word is None:
                    printed.append(self.run(command))
                else:
                    terminals.enter_context(self._keep_running(command, word))
        return "".join(printed)

    def run(self, command: str) -> str:
        """Run a command, or a script of several, and return what it printed."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout

    @contextmanager
    def _keep_running(self, command: str, word: str) -> Iterator[None]:
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if word in line:
                    break
            else:
                raise AssertionError(f"{command}\n{''.join(said)}")
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGINT)  # Ctrl-C, as the page says


class Workplace(Terminals):
    """A folder with the files of a clone, and the environment of a new account."""

    def __init__(self, folder: Path) -> None:
        skipped = shutil.ignore_patterns(".venv", "tests", "e2e", ".*_cache")
        shutil.copytree(ROOT / "teststand", folder / "teststand", ignore=skipped)
        super().__init__(folder, new_account(folder / "home", Path(sys.executable).parent))

    def write(self, files: dict[str, str]) -> None:
        """Write the files of a page."""
        write_files(self.folder, files)


@contextmanager
def workplace() -> Iterator[Workplace]:
    """Yield a workplace. Its path is short, because sockets need that."""
    with tempfile.TemporaryDirectory() as folder:
        yield Workplace(Path(folder))
