"""A project of each template passes what its README says, made from the built wheels alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from new_project import Project, new_author, wheels
from page_commands import Terminals

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell"),
    pytest.mark.timeout(1200),  # environments, mypy: minutes on a busy machine
]

RELAY_BOX = Path(__file__).parent / "support" / "relay_box.patch"
"""What an author writes for a resource with calls of its own, and its tests."""

ALLOWED_LINES = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def author(tmp_path: Path, built: Path) -> Terminals:
    return new_author(tmp_path, built)


def test_a_plug_ins_readme_has_commands_that_pass_and_a_second_run_keeps_an_edit(
    author: Terminals,
) -> None:
    project = Project(author, "leakage", "plugin")

    checked = project.set_up_and_check()
    tried = project.try_it()

    assert "3 passed" in checked
    assert "Success: no issues found" in checked
    assert [path.suffix for path in (project.folder / "dist").iterdir()] == [".whl"]
    assert "measured_value" in tried

    measurement = project.folder / "src" / "leakage" / "measurement.py"
    measurement.write_text(measurement.read_text().replace("10.0", "1.0"))
    edited = project.files()

    with pytest.raises(AssertionError, match=r"differs: leakage/src/leakage/measurement.py\n"):
        project.make()

    assert project.files() == edited


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Author", "-c", "user.email=author@example.com"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_resource_with_calls_of_its_own_takes_its_author_less_than_60_lines(
    author: Terminals,
) -> None:
    project = Project(author, "relay-box", "resource")
    assert "3 passed" in project.set_up_and_check()
    git(project.folder, "init", "--quiet")
    git(project.folder, "add", ".")
    git(project.folder, "commit", "--quiet", "--message", "The project as generated")

    git(project.folder, "apply", str(RELAY_BOX))
    checks = "pytest && ruff check . && ruff format --check . && mypy"
    stubs = "session-sharing stubs --root src src/relay_box/v1/calls.proto"
    checked = project.terminals.run(f"{stubs} && {checks}")

    assert "3 passed" in checked
    stats = git(project.folder, "diff", "--numstat", "--", ".", ":!*_pb2*")
    added = sum(int(line.split("\t")[0]) for line in stats.splitlines())
    assert 0 < added < ALLOWED_LINES
