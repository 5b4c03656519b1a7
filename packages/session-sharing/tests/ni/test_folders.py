"""The folder by which a discovery service finds a program and starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from capabilities import needs_shell
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


@needs_shell
def test_the_start_script_runs_the_program(program: Startable, tmp_path: Path) -> None:
    lay_out(program, tmp_path / "folder")

    done = subprocess.run(
        [tmp_path / "folder" / "start.sh"], check=True, capture_output=True, text=True
    )

    assert (
        done.stdout.strip()
        == subprocess.check_output([sys.executable, "-m", "platform"], text=True).strip()
    )


@pytest.mark.skipif(sys.platform != "win32", reason="the script is for Windows' interpreter")
@pytest.mark.parametrize("name", ["J ö", "100% a&b", "%TEMP%", "plain"])
def test_the_batch_file_runs_the_program_in_a_folder_of_any_name(
    program: Startable, tmp_path: Path, name: str
) -> None:
    lay_out(program, tmp_path / name)

    done = subprocess.run(
        ["cmd", "/d", "/c", r"call .\start.bat"],
        cwd=tmp_path / name,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
    )

    # Wine's interpreter expands a percent sign of a folder again, and complains of that alone.
    assert done.returncode == 0, done.stderr
    assert "Windows" in done.stdout


@pytest.mark.parametrize("folder", ["J ö", "100% a&b", "%TEMP%"])
def test_the_batch_file_names_this_python_whatever_its_folder(
    program: Startable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setattr(sys, "executable", f"C:\\{folder}\\python.exe")

    lay_out(program, tmp_path / "laid out")

    lines = (tmp_path / "laid out" / "start.bat").read_text(encoding="utf-8").splitlines()
    doubled = folder.replace("%", "%%")
    assert f'set "START_PYTHON=C:\\{doubled}\\python.exe"' in lines
    assert lines.index("chcp 65001 >nul") < 3
