"""A plug-in that NI's own generator wrote gets what it lacks, and keeps its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from platform_process import clean_environment, invoke


def generate(folder: Path, *options: str) -> Path:
    command = "from ni_measurement_plugin_sdk_generator.plugin import create_measurement as main"
    subprocess.run(
        [sys.executable, "-c", f"{command}; main()", "Leak", "-o", str(folder), *options],
        check=True,
        capture_output=True,
    )
    return folder


def test_it_passes_its_new_tests_and_its_files_are_kept(tmp_path):
    pytest.importorskip("ni_measurement_plugin_sdk_generator")
    folder = generate(tmp_path / "leak")
    theirs = {path: path.read_bytes() for path in folder.iterdir()}

    done = invoke("new", "plugin", folder, "--defaults")

    assert done.exit_code == 0, done.output
    assert {path: path.read_bytes() for path in theirs} == theirs
    for command in (["pytest", "-p", "no:cacheprovider"], ["ruff", "check", "--no-cache", "."]):
        checked = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert invoke("new", "plugin", folder, "--defaults").output == ""


def test_a_service_class_that_cannot_be_hosted_is_named_at_once(tmp_path):
    pytest.importorskip("ni_measurement_plugin_sdk_generator")
    folder = generate(tmp_path / "leak", "--service-class", "Leak Test_Python")

    done = invoke("new", "plugin", folder, "--defaults")

    assert done.exit_code == 1
    assert "NI's SDK cannot host the service class 'Leak Test_Python'" in done.output
    assert "--service-class" in done.output
