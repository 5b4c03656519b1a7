"""Make separate environments for tests, with packages from wheels or from the index."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest
from platform_process import clean_environment

PROJECT = Path(__file__).parents[2]


class Environment:
    """A new environment of the Python that runs the tests.

    Args:
        folder: Where to make it.
        *requirements: What to install with pip: requirements, wheels, options.
    """

    def __init__(self, folder: Path, *requirements: object) -> None:
        self.folder = folder
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        done = self.run("-m", "pip", "install", "--quiet", *requirements)
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def python(self) -> Path:
        """The Python of the environment."""
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def run(
        self, *arguments: object, folder: Path | None = None, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run its Python, in a folder, with extra environment variables."""
        own = {key: text for key, text in clean_environment().items() if key != "PYTHONPATH"}
        return subprocess.run(
            [str(self.python), *map(str, arguments)],
            cwd=folder or self.folder,
            env={**own, **(extra or {})},
            capture_output=True,
            text=True,
            check=False,
        )


def build_wheel(folder: Path, project: Path = PROJECT) -> Path:
    """Build the wheel of a package, this one if none is given, into a folder and return it."""
    api = pytest.importorskip("poetry.core.masonry.api")
    here = Path.cwd()
    os.chdir(project)
    try:
        return folder / api.build_wheel(str(folder))
    finally:
        os.chdir(here)
