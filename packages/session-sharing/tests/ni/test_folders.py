"""The folder by which a discovery service finds a program and starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs_registry, needs_shell, only_windows
from session_sharing import InvalidArgumentError
from session_sharing.ni import Startable, lay_out, plugins_folder, take_away

if sys.platform == "win32":
    import ctypes
    import winreg


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


@only_windows
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


def test_what_was_laid_out_is_taken_away_with_its_folder(
    program: Startable, tmp_path: Path
) -> None:
    lay_out(program, tmp_path / "folder")

    assert take_away(program, tmp_path / "folder") == []

    assert not (tmp_path / "folder").exists()


def test_files_that_were_not_laid_out_stay_and_are_named(
    program: Startable, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    lay_out(program, folder)
    (folder / ".venv").mkdir()
    (folder / "notes.txt").write_text("mine")

    assert take_away(program, folder) == [folder / ".venv", folder / "notes.txt"]

    assert (folder / "notes.txt").read_text() == "mine"


def test_nothing_is_taken_from_a_folder_of_another_program(
    program: Startable, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "start.sh").write_text("mine")

    with pytest.raises(InvalidArgumentError, match=r"no Service\.serviceconfig"):
        take_away(program, folder)

    assert (folder / "start.sh").read_text() == "mine"


@pytest.fixture
def nis_key() -> Iterator[str]:
    """Replace the registry of this machine, for this process, by an empty key of the user."""
    if sys.platform != "win32":
        yield ""
        return
    override = ctypes.WinDLL("advapi32").RegOverridePredefKey
    override.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    machine = 0xFFFFFFFF80000002  # HKEY_LOCAL_MACHINE, a negative number of 32 bits
    name = rf"Software\session-sharing-test-{os.getpid()}"
    installer = r"SOFTWARE\National Instruments\Common\Installer"
    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, name) as key:
        assert override(machine, int(key)) == 0
    try:
        yield installer
    finally:
        override(machine, None)
        parts = [name, *installer.split("\\")]
        for end in range(len(parts), 0, -1):
            with contextlib.suppress(FileNotFoundError):
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, "\\".join(parts[:end]))


def test_without_nis_software_there_is_no_folder_for_plugins(nis_key: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Name a folder"):
        plugins_folder()


@needs_registry
def test_nis_folder_for_plugins_is_found_by_nis_key_of_the_registry(nis_key: str) -> None:
    with winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, nis_key) as key:
        winreg.SetValueEx(key, "NIPUBAPPDATADIR", 0, winreg.REG_SZ, r"D:\NI data")

    assert plugins_folder() == Path(r"D:\NI data\Plug-Ins\Measurements")
