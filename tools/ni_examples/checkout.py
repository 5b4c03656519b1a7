"""Copy NI's example plug-ins from a checkout, and make the environment that each of them names."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from poetry.core.factory import Factory

_CONSTRAINTS = Path(__file__).with_name("constraints.txt")


class ExamplesError(Exception):
    """The examples cannot be prepared."""


@dataclass(frozen=True, slots=True)
class Example:
    """An example plug-in, and what lies beside it."""

    folder: Path
    """Its folder in the copy."""

    service_class: str
    """The service class that its .serviceconfig names."""

    pin_maps: tuple[Path, ...]
    """Its pin maps. None means that it has no instruments."""

    sequences: tuple[Path, ...]
    """Its sequences."""


def copy_examples(checkout: Path, copy: Path, names: list[str]) -> list[Example]:
    """Copy the examples. The only change is that `.env.simulation` gets the name `.env`.

    Args:
        checkout: A checkout of ni/measurement-plugin-python.
        copy: The folder to make. An existing one is replaced.
        names: The folders of the wanted examples. An empty list means all.

    Raises:
        ExamplesError: The checkout has no examples, or none of a wanted name.
    """
    source = checkout / "examples"
    if not (source / ".env.simulation").is_file():
        raise ExamplesError(
            f"{source} has no .env.simulation. Give the folder of a checkout of "
            "ni/measurement-plugin-python."
        )
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".venv", ".env", "__pycache__"))
    (copy / ".env.simulation").rename(copy / ".env")
    examples = [_read(file) for file in sorted(copy.glob("*/*.serviceconfig"))]
    if missing := set(names) - {example.folder.name for example in examples}:
        raise ExamplesError(f"{source} has no example {', '.join(sorted(missing))}.")
    return [one for one in examples if not names or one.folder.name in names]


def _read(service_config: Path) -> Example:
    folder = service_config.parent
    services = json.loads(service_config.read_text("utf-8-sig"))["services"]
    return Example(
        folder,
        services[0]["serviceClass"],
        tuple(sorted(folder.glob("*.pinmap"))),
        tuple(sorted(folder.glob("*.seq"))),
    )


def make_environment(example: Example, python: str) -> None:
    """Make the example's `.venv` with the packages of its pyproject.toml, as its install.bat does.

    Args:
        example: The example.
        python: A version or a path of Python, as uv takes it.

    Raises:
        ExamplesError: uv fails. Its message is above.
    """
    project = Factory().create_poetry(example.folder).package
    wanted = [requirement.to_pep_508() for requirement in project.requires]
    venv = example.folder / ".venv"
    for command in (
        ["venv", "--quiet", f"--python={python}", str(venv)],
        ["pip", "install", "--quiet", f"--python={venv}", f"--constraint={_CONSTRAINTS}", *wanted],
    ):
        if subprocess.run(["uv", *command], check=False).returncode:  # noqa: S607 - of the session
            raise ExamplesError(
                f"The environment of {example.folder.name} cannot be made. NI's sequences need "
                "Python 3.10; --python names another one."
            )
