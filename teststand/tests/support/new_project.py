"""Make projects from templates as somebody does who has only uv and the wheels."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from page_commands import ROOT, Page, Terminals, new_account

_PIP_BY_UV = f"""
set -e
python3() {{ [ "$1 $2" = "-m venv" ] || exit 1; uv venv --quiet --python {sys.executable} "$3"; }}
pip() {{ uv pip "$@"; }}
"""
"""uv does the work of venv and pip: it takes seconds, because its cache has what nox installed."""


def wheels(folder: Path) -> Path:
    """Return the folder with the wheels of all packages; build them if nox has not."""
    built = os.environ.get("E2E_WHEELS")
    if built:
        return Path(built)
    script = "from poetry.core.masonry.api import build_wheel; import sys; build_wheel(sys.argv[1])"
    for project in sorted((ROOT / "packages").glob("*/pyproject.toml")):
        subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            cwd=project.parent,
            check=True,
            capture_output=True,
        )
    return folder


def new_author(folder: Path, wheels: Path) -> Terminals:
    """Return terminals for an author with an empty home, uv, and the wheels in `dist`.

    uv remembers a wheel by its path, and does not see that it was built again. So the path is new.
    """
    folder = folder / uuid.uuid4().hex
    programs = folder / "programs"
    programs.mkdir(parents=True)
    (folder / "dist").symlink_to(wheels)
    for name in ("uv", "uvx"):
        (programs / name).symlink_to(Path(sys.executable).parent / name)
    cache = subprocess.run(
        [programs / "uv", "cache", "dir"], capture_output=True, text=True, check=True
    )
    index = os.environ.get("PIP_INDEX_URL")
    environment = {
        **({"UV_DEFAULT_INDEX": index} if index else {}),
        "UV_SYSTEM_CERTS": "1",
        **new_account(folder / "home", programs),
        "UV_CACHE_DIR": cache.stdout.strip(),
        "UV_FIND_LINKS": str(folder / "dist"),
    }
    return Terminals(folder, environment)


class Project:
    """A project that `platform-sim new` makes from the wheels."""

    def __init__(self, author: Terminals, name: str, command: str) -> None:
        self.folder = author.folder / name
        self._command = f"platform-sim new {command} {name} --defaults"
        self._author = author
        self.make()
        self.page = Page(self.folder / "README.md")
        path = f"{self.folder / '.venv' / 'bin'}{os.pathsep}{author.environment['PATH']}"
        self.terminals = Terminals(self.folder, {**author.environment, "PATH": path})

    def make(self) -> str:
        """Run the command of the template, and return what it printed."""
        program = "uvx --quiet --from 'measurement-platform-sim[templates]'"
        return self._author.run(f"{program} --python {sys.executable} {self._command}")

    def set_up_and_check(self) -> str:
        """Type what the README says about working on the project."""
        return self.terminals.run(_PIP_BY_UV + self.page.blocks("Work on it", ""))

    def try_it(self) -> str:
        """Type what the README says about trying the project, in several terminals."""
        return self.terminals.type(self.page.commands("Try it"))

    def files(self) -> dict[str, bytes]:
        """Return the content of each file, without those that tools make."""
        made = {".venv", "dist", ".git", "plugins", "__pycache__"}
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not made & {*path.relative_to(self.folder).parts}
        }
