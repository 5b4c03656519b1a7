"""The doors of the README are commands that work for somebody who has uv and the wheels only."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from new_project import new_author, wheels
from page_commands import Page, Terminals

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell"),
    pytest.mark.timeout(1200),  # environments: minutes on a busy machine
]

README = Page("README.md")
DOORS = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##)", README.text, re.M | re.S))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def user(tmp_path: Path, built: Path) -> Terminals:
    terminals = new_author(tmp_path, built)
    environment = {**terminals.environment, "UV_PYTHON": sys.executable}
    return Terminals(terminals.folder, environment)


INSTALLED_BY_NOBODY = re.findall(r"^uvx .+$", README.blocks("Install", ""), re.M)


def blocks(door: str, language: str = "") -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", DOORS[door], re.M | re.S)
    return [text for kind, text in found if kind == language]


@pytest.mark.parametrize("door", ["I write plug-ins and want tests", "I share my own resource"])
def test_a_project_is_made_and_tested_as_printed(user: Terminals, door: str) -> None:
    commands, seen = blocks(door)

    printed = user.run(f"set -e\n{commands}")

    assert re.search(r"\d+ passed", seen)[0] in printed  # type: ignore[index]


def test_a_record_is_logged_and_shown_as_printed(user: Terminals) -> None:
    door = "I log from plug-ins"
    script, _ = blocks(door, "python")
    (user.folder / "log_once.py").write_text(script, encoding="utf-8")
    commands, seen = blocks(door)
    lines = [line.split("  #")[0].strip() for line in commands.splitlines()]

    printed = user.type(lines)

    without_time = re.compile(r"\d{4}-\d\d-\S+Z")
    assert without_time.sub("", seen).strip() in without_time.sub("", printed)


@pytest.mark.parametrize("line", INSTALLED_BY_NOBODY)
def test_a_program_runs_without_being_installed(user: Terminals, line: str) -> None:
    assert "Usage: " in user.run(f"{line} --help")


def test_each_program_has_a_line() -> None:
    programs = ("platform-sim up", "json-logger serve", "measurement-device-sim serve")
    for program in programs:
        assert any(line.endswith(program) for line in INSTALLED_BY_NOBODY), program
