"""Which command starts a plug-in off Windows."""

from __future__ import annotations

import sys

import pytest
from platform_sim.discovery.serviceconfig import read_service_config
from platform_sim.discovery.start_rule import start_command
from platform_sim.errors import PluginStartError
from plugin_folders import service_entry, write_service_config

BAT = "@echo off\r\nREM comment\r\n.venv\\Scripts\\python.exe measurement.py -v\r\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "start.bat").write_text(BAT)
    (tmp_path / "measurement.py").touch()
    return tmp_path


def command(folder, **changes):
    file = write_service_config(folder, service_entry("test.Plugin", **changes))
    (installed,) = read_service_config(file)
    return start_command(installed)


def make_environment(folder):
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return python


def test_the_batch_files_python_line_runs_with_the_folders_environment(folder):
    python = make_environment(folder)
    assert command(folder) == [str(python), "measurement.py", "-v"]


def test_without_an_environment_the_platforms_own_python_runs_it(folder):
    assert command(folder) == [sys.executable, "measurement.py", "-v"]


def test_start_sh_comes_before_the_batch_file(folder):
    (folder / "start.sh").touch()
    assert command(folder) == ["/bin/sh", str(folder / "start.sh")]


def test_an_executable_start_sh_runs_with_the_interpreter_that_it_names(folder):
    script = folder / "start.sh"
    script.write_text("#!/usr/bin/env bash\n")
    script.chmod(0o755)
    assert command(folder) == [str(script)]


def test_the_own_section_comes_before_all(folder):
    (folder / "start.sh").touch()
    (folder / "run-me").touch()
    section = {"start": ["run-me", "--fast"]}
    assert command(folder, **{"platform-sim": section}) == [str(folder / "run-me"), "--fast"]


def test_a_program_of_the_path_is_not_looked_up_in_the_folder(folder):
    section = {"start": ["python3", "measurement.py"]}
    assert command(folder, **{"platform-sim": section})[0] == "python3"


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("python measurement.py", ["measurement.py"]),
        ('call "%~dp0.venv\\Scripts\\python.exe" measurement.py %*', ["measurement.py"]),
        ('.venv\\Scripts\\python.exe src\\main.py --name "a b"', ["src/main.py", "--name", "a b"]),
    ],
)
def test_spellings_of_the_python_line(folder, line, arguments):
    (folder / "start.bat").write_text(line)
    assert command(folder)[1:] == arguments


def test_an_executable_is_run_as_it_is(folder):
    (folder / "measurement").touch()
    assert command(folder, path="measurement") == [str(folder / "measurement")]


@pytest.mark.parametrize(
    ("path", "named"), [(None, "'path' is missing"), ("other.bat", "does not exist")]
)
def test_what_cannot_be_started_is_named(folder, path, named):
    with pytest.raises(PluginStartError, match=named):
        command(folder, path=path)


def test_a_batch_file_without_python_says_what_to_add(folder):
    (folder / "start.bat").write_text("notepad.exe")
    with pytest.raises(PluginStartError, match=r"start\.sh"):
        command(folder)


def test_a_quotation_without_an_end_is_told_with_its_line(folder):
    (folder / "start.bat").write_text('python "measurement.py')
    with pytest.raises(PluginStartError, match=r'No closing quotation in: "measurement\.py'):
        command(folder)
