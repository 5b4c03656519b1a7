"""The reference shows the faces of the packages: all that may be imported, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "reference"
FACES = {
    "logger.md": [
        "json_logger_client",
        "json_logger_proto.names",
        "json_logger_server",
        "json_logger_server.testing",
    ],
}
"""The modules on each page whose `__all__` says what users may import."""

_LINE = re.compile(r"^\.\. (currentmodule|auto\w+):: (\S+)$", re.MULTILINE)


def shown_on(page: str) -> dict[str, list[str]]:
    """The names that a page documents, by the module that users import them from."""
    shown = defaultdict(list)
    module = ""
    for directive, name in _LINE.findall((PAGES / page).read_text(encoding="utf-8")):
        if directive == "currentmodule":
            module = name
        else:
            shown[module].append(name)
    return shown


@pytest.mark.parametrize("page", FACES)
def test_a_page_shows_exactly_what_its_modules_export(page: str) -> None:
    exported = {name: sorted(import_module(name).__all__) for name in FACES[page]}
    assert {module: sorted(names) for module, names in shown_on(page).items()} == exported


@pytest.mark.parametrize("name", [name for names in FACES.values() for name in names])
def test_all_that_a_module_exports_is_there_and_documented(name: str) -> None:
    module = import_module(name)
    for exported in module.__all__:
        value = getattr(module, exported)
        assert isinstance(value, (str, int)) or value.__doc__, f"{name}.{exported}"
