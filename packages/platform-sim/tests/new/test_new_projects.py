"""`platform-sim new` writes projects that pass their checks, and keeps what an author changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from environments import build_wheel
from platform_process import clean_environment, invoke
from platform_sim.new import rendering
from platform_sim.new.merging import merge
from platform_sim.new.rendering import render

INSTRUMENTS = ["dmm", "dcpower", "scope", "fgen", "switch", "digital", "daqmx", "none"]
VARIANTS = [
    ("plugin", {"instrument": instrument, "resource": resource})
    for instrument in INSTRUMENTS
    for resource in ("logger", "none")
] + [("resource", {})]
NAMES = ["X", "Abcdefghijklmnopqrstuvwx", "Ab cd-ef_gh ij kl mn opq"]
"""The shortest name, and the longest in one word and in many."""


def make(folder: Path, layout: str, **answers: str) -> Path:
    merge(render(layout, folder, answers, defaults=True), folder, overwrite=False)
    return folder


def run(folder: Path, *command: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**clean_environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_is_formatted_and_clean(tmp_path, name):
    for number, (layout, answers) in enumerate(VARIANTS):
        make(tmp_path / str(number), layout, name=name, **answers)

    run(tmp_path, "ruff", "check", "--no-cache", ".")
    run(tmp_path, "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.parametrize(
    ("instrument", "resource"),
    [
        ("switch", "none"),
        *(
            pytest.param(instrument, resource, marks=pytest.mark.soak)
            for instrument in INSTRUMENTS
            for resource in ("logger", "none")
        ),
    ],
)
def test_a_plug_in_for_each_instrument_passes_its_own_tests(tmp_path, instrument, resource):
    if resource == "logger":
        pytest.importorskip("json_logger_server")
    project = make(tmp_path / "plug-in", "plugin", instrument=instrument, resource=resource)
    site = tmp_path / "site"
    with zipfile.ZipFile(build_wheel(tmp_path, project)) as wheel:
        wheel.extractall(site)

    passed = run(project, "pytest", "-p", "no:cacheprovider", PYTHONPATH=str(site))

    assert f"{3 if resource == 'logger' else 2} passed" in passed


def test_no_question_is_asked_with_defaults_and_five_at_most_without(tmp_path):
    file = Path(rendering.__file__).parent / "templates" / "copier.yml"
    questions = yaml.safe_load(file.read_text(encoding="utf-8"))
    asked = [name for name, one in questions.items() if name[0] != "_" and one["when"] is not False]
    assert len(asked) <= 5

    done = invoke("new", "plugin", tmp_path / "leakage", "--defaults")
    assert done.exit_code == 0, done.output
    config = tmp_path / "leakage" / "src" / "leakage" / "data" / "Leakage.serviceconfig"
    (service,) = json.loads(config.read_text(encoding="utf-8"))["services"]
    assert (service["displayName"], service["serviceClass"]) == ("Leakage", "my.Leakage")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_second_run_takes_the_answers_of_the_first_and_changes_nothing(tmp_path):
    folder = tmp_path / "leakage"
    command = ("new", "plugin", folder, "--defaults")
    assert invoke(*command, "--instrument", "scope", "--resource", "none").exit_code == 0
    before = contents(folder)

    again = invoke(*command)

    assert (again.exit_code, again.output) == (0, "")
    assert contents(folder) == before


def test_files_that_differ_are_listed_and_nothing_is_written(tmp_path):
    folder = tmp_path / "relay-box"
    command = ("new", "resource", folder, "--defaults")
    assert invoke(*command).exit_code == 0
    (folder / "README.md").write_text("mine", encoding="utf-8")
    (folder / "start.sh").unlink()
    before = contents(folder)

    refused = invoke(*command)

    assert refused.exit_code == 1
    assert f"differs: {folder / 'README.md'}" in refused.output
    assert "--overwrite" in refused.output
    assert contents(folder) == before

    assert invoke(*command, "--overwrite").exit_code == 0
    assert contents(folder)["README.md"] != b"mine"
    assert "start.sh" in contents(folder)


def test_a_file_that_is_missing_is_written_again(tmp_path):
    folder = make(tmp_path / "relay-box", "resource")
    before = contents(folder)
    (folder / "start.sh").unlink()

    assert invoke("new", "resource", folder, "--defaults").exit_code == 0

    assert contents(folder) == before


@pytest.mark.skipif(os.name == "nt", reason="files of Windows have no mode for execution")
def test_shell_scripts_can_be_executed(tmp_path):
    folder = make(tmp_path / "leakage", "plugin")
    assert [path.name for path in sorted(folder.glob("*.sh"))] == ["install.sh", "start.sh"]
    assert all(os.access(path, os.X_OK) for path in folder.glob("*.sh"))


def test_batch_files_have_the_line_ends_of_windows(tmp_path):
    folder = make(tmp_path / "leakage", "plugin")
    for path in folder.glob("*.bat"):
        content = path.read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n") > 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--name", "1st", "--defaults"], "Use up to 24 letters"),
        (["--name", "Platform", "--defaults"], "A module of Python has this name"),
        (["--name", "Class", "--defaults"], "A module of Python has this name"),
        (["--service-class", "my class", "--defaults"], "Use up to 60 letters"),
        (["--instrument", "balance", "--defaults"], "Invalid choice for 'instrument'"),
        ([], "There is no terminal in which to ask. Add --defaults"),
    ],
)
def test_a_wrong_answer_says_what_to_do_and_writes_nothing(tmp_path, options, told):
    done = invoke("new", "plugin", tmp_path / "leakage", *options)

    assert done.exit_code == 1
    assert told in done.output
    assert not (tmp_path / "leakage").exists()


def test_damaged_answers_of_an_earlier_run_are_named(tmp_path):
    (tmp_path / ".template-answers.yml").write_text("{", encoding="utf-8")

    done = invoke("new", "plugin", tmp_path, "--defaults")

    assert done.exit_code == 1
    assert ".template-answers.yml cannot be read" in done.output
