"""The folder by which a discovery service finds a program and starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from session_sharing.ni import Startable, lay_out


@pytest.fixture
def program(tmp_path: Path) -> Startable:
    data = tmp_path / "data"
    data.mkdir()
    (data / "Service.serviceconfig").write_text("{}")
    return Startable(data, "platform", "some-distribution", "1.2.3")


def test_a_folder_has_the_data_and_scripts_that_run_this_python(
    program: Startable, tmp_path: Path
) -> None:
    folder = tmp_path / "laid out" / "here"

    written = lay_out(program, folder)

    assert {path.name for path in written} == {path.name for path in folder.iterdir()}
    assert {path.name for path in written} == {
        "Service.serviceconfig",
        "start.sh",
        "start.bat",
        "install.bat",
        ".serviceignore",
    }
    assert os.access(folder / "start.sh", os.X_OK)
    assert sys.executable in (folder / "start.bat").read_text()
    assert "some-distribution==1.2.3" in (folder / "install.bat").read_text()
    assert b"\r\n" in (folder / "start.bat").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="the script is for a POSIX shell")
def test_the_start_script_runs_the_program(program: Startable, tmp_path: Path) -> None:
    lay_out(program, tmp_path / "folder")

    done = subprocess.run(
        [tmp_path / "folder" / "start.sh"], check=True, capture_output=True, text=True
    )

    assert (
        done.stdout.strip()
        == subprocess.check_output([sys.executable, "-m", "platform"], text=True).strip()
    )
