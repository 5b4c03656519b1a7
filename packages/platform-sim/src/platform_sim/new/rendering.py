"""Render a template of this package into files in memory. Copier asks the questions."""

from __future__ import annotations

import keyword
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from platform_sim.new.errors import NewProjectError
from platform_sim.new.generated_plugin import GeneratedPlugin
from platform_sim.new.panel import panel

_TEMPLATES = Path(__file__).parent / "templates"
ANSWERS_FILE = ".template-answers.yml"
"""File of a project with the answers that made it."""


def render(
    layout: str,
    folder: Path,
    answers: Mapping[str, str],
    *,
    defaults: bool,
    generated: GeneratedPlugin | None = None,
) -> dict[str, bytes]:
    """Return the files of a template, by path relative to the project.

    Args:
        layout: Folder of the template: ``plugin``, ``generated`` or ``resource``.
        folder: Folder of the project. Its name and its earlier answers give the default answers.
        answers: Answers to questions, which are then not asked.
        defaults: Ask nothing: take the default answer to each other question.
        generated: The plug-in for the layout ``generated``.

    Raises:
        NewProjectError: The extra ``templates`` is not installed, an answer is wrong, or there is
            no terminal in which to ask.
    """
    folder = folder.resolve()
    context = {
        "layout": layout,
        "folder": folder.name,
        "generated": generated,
        "panel": panel,
        "taken": [*sys.stdlib_module_names, *keyword.kwlist],
    }
    with tempfile.TemporaryDirectory() as scratch, _told_by_our_errors():
        import copier

        copier.run_copy(
            str(_TEMPLATES),
            scratch,
            data={**context, **answers},
            user_defaults=_earlier_answers(folder),
            defaults=defaults,
            settings=copier.Settings(),  # not those of the user
            quiet=True,
        )
        return _files(Path(scratch))


@contextmanager
def _told_by_our_errors() -> Iterator[None]:
    try:
        from copier.errors import CopierAnswersInterrupt, InteractiveSessionError

        no_terminal: tuple[type[Exception], ...] = (InteractiveSessionError,)
        if sys.platform == "win32":  # Copier lets it pass
            from prompt_toolkit.output.win32 import NoConsoleScreenBufferError

            no_terminal += (NoConsoleScreenBufferError,)
    except ImportError as error:
        raise NewProjectError(
            "Templates need the extra 'templates'. Install it: "
            "pip install 'measurement-platform-sim[templates]'."
        ) from error
    try:
        yield
    except no_terminal as error:
        raise NewProjectError(
            "There is no terminal in which to ask. Add --defaults, or answer each question by its "
            "option."
        ) from error
    except CopierAnswersInterrupt as error:
        raise KeyboardInterrupt from error
    except ValueError as error:
        raise NewProjectError(str(error)) from error


def _earlier_answers(folder: Path) -> dict[str, Any]:
    import yaml

    file = folder / ANSWERS_FILE
    try:
        earlier = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NewProjectError(f"{file} cannot be read: {error}. Mend or remove it.") from error
    if not isinstance(earlier, dict):
        raise NewProjectError(f"{file} has no answers. Mend or remove it.")
    return earlier


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): _with_line_ends(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _with_line_ends(path: Path) -> bytes:
    content = path.read_bytes().replace(b"\r\n", b"\n")
    return content.replace(b"\n", b"\r\n") if path.suffix == ".bat" else content
