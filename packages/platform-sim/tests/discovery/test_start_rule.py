"""The command that starts a plug-in, off Windows and there."""

from __future__ import annotations

import sys

import pytest
from capabilities import needs_batch_reader, only_windows
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


def start(folder, **changes):
    file = write_service_config(folder, service_entry("test.Plugin", **changes))
    (installed,) = read_service_config(file)
    return start_command(installed)


def command(folder, **changes):
    return start(folder, **changes).arguments


def make_environment(folder, name="python"):
    program = folder / ".venv" / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch()
    return program


@needs_batch_reader
def test_the_batch_files_python_line_runs_with_the_folders_environment(folder):
    python = make_environment(folder)
    assert command(folder) == [str(python), "measurement.py", "-v"]


@needs_batch_reader
def test_without_an_environment_the_platforms_own_python_runs_it(folder):
    assert command(folder) == [sys.executable, "measurement.py", "-v"]


@needs_batch_reader
def test_start_sh_comes_before_the_batch_file(folder):
    (folder / "start.sh").touch()
    assert command(folder) == ["/bin/sh", str(folder / "start.sh")]


@needs_batch_reader
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


@needs_batch_reader
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


@needs_batch_reader
def test_a_batch_file_without_python_says_what_to_add(folder):
    (folder / "start.bat").write_text("notepad.exe")
    with pytest.raises(PluginStartError, match=r"runs 'notepad\.exe', which is not .*start\.sh"):
        command(folder)


@needs_batch_reader
def test_a_quotation_without_an_end_is_reported_with_its_line(folder):
    (folder / "start.bat").write_text('python "measurement.py')
    with pytest.raises(
        PluginStartError, match=r'No closing quotation in this line: python "measurement\.py'
    ):
        command(folder)


def written(folder, *lines):
    text = "\r\n".join(["@echo off", *lines, ""])
    (folder / "start.bat").write_text(text.format(folder=folder), newline="")
    return start(folder)


@needs_batch_reader
@pytest.mark.parametrize(
    "lines",
    [
        ['cd /d "%~dp0"', "poetry run python measurement.py"],
        ["uv run --no-sync python measurement.py"],
        ["py -3.11 measurement.py"],
        ["py -V:3.12 measurement.py & pause"],
        ["call py -3 measurement.py || exit /b 1"],
        ["set PYTHON=%~dp0.venv\\Scripts\\python.exe", '"%PYTHON%" measurement.py'],
        ['set "python=C:\\Python 3.11\\python.exe"', '"%PYTHON%" measurement.py'],
        [".venv\\Scripts\\python.exe ^", "    measurement.py"],
        ["call .venv\\Scripts\\activate.bat", "python measurement.py > log.txt 2>&1"],
        ["python -m pip install -r requirements.txt", "python measurement.py", "pause"],
        ["if not exist .venv (", "  python -m venv .venv", ") else (", "  echo ready", ")"]
        + ["python measurement.py"],
        ["if exist .venv\\Scripts\\python.exe (python measurement.py) else (python other.py)"],
        ["if exist nothing.txt python other.py", "python measurement.py"],
        ["IF NOT EXIST nothing.txt (", "python measurement.py", ") ELSE (", "python other.py", ")"],
        ["python measurement.py", "if errorlevel 1 pause", "if %ERRORLEVEL% NEQ 0 python other.py"],
        ['if "%1"=="" (python measurement.py) else (python other.py)'],
        ["python measurement.py", "goto :eof", "python other.py"],
        [":: python other.py", "rem python other.py", ":start", "python measurement.py"],
        ["cmd /c python measurement.py"],
        ["python -m pip check || exit /b 1", 'cd "%~dp0" && python measurement.py | more'],
        ["measurement.py"],
        ["for %%f in (a b) do (", "python other.py", ")", "if exist a (", ")", "measurement.py"],
        [
            "set HERE=%~dp0",
            "set HERE=%HERE:~0,-1%",
            '"%HERE%\\.venv\\Scripts\\python.exe" measurement.py',
        ],
        ['start "" /b python measurement.py'],
        ['%LOCALAPPDATA%\\Programs\\Python\\Python311\\python.exe "measurement.py"'],
    ],
)
def test_what_batch_files_of_the_field_do_is_followed(folder, lines):
    python = make_environment(folder)
    found = written(folder, *lines)
    assert (found.arguments, found.folder) == ([str(python), "measurement.py"], folder)


@needs_batch_reader
@pytest.mark.parametrize("line", ["cd ..", "cd..", 'pushd "%~dp0.."', "chdir /d {folder}\\.."])
def test_the_folder_that_a_batch_file_changes_to_is_the_working_folder(tmp_path, line):
    python = make_environment(tmp_path)
    folder = tmp_path / "plugin"
    folder.mkdir()
    found = written(folder, line, ".venv\\Scripts\\python.exe code/measurement.py")
    assert found.folder == tmp_path
    assert found.arguments == [str(python), "code/measurement.py"]


@needs_batch_reader
def test_a_module_is_run_with_its_arguments(folder):
    python = make_environment(folder)
    assert written(folder, "py -3 -m measurement -v").arguments == [
        str(python),
        "-m",
        "measurement",
        "-v",
    ]


@needs_batch_reader
def test_a_console_script_of_the_environment_is_run(folder):
    script = make_environment(folder, "my_plugin")
    for line in (".venv\\Scripts\\my_plugin -v", "poetry run my_plugin.exe -v"):
        assert written(folder, line, "pause").arguments == [str(script), "-v"]


@needs_batch_reader
def test_a_console_script_that_is_nowhere_is_named(folder):
    with pytest.raises(
        PluginStartError, match=r"'\.venv/Scripts/my_plugin', which is not installed. Install it"
    ):
        written(folder, ".venv\\Scripts\\my_plugin -v")


@needs_batch_reader
def test_a_batch_file_that_runs_nothing_says_what_to_add(folder):
    with pytest.raises(
        PluginStartError,
        match=r"start\.bat runs no program that can run here. To start it, put a start\.sh",
    ):
        written(folder, "pip install -r requirements.txt", "python -m venv .venv", "pause")


@needs_batch_reader
def test_variables_reach_the_plugin_as_programs_here_read_them(folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/before")
    found = written(
        folder,
        "set MEASUREMENT_PLUGIN_NIDMM_SIMULATE=1",
        "set PATH=C:\\Python;%PATH%",
        "set PYTHONPATH=%~dp0src\\lib;%PYTHONPATH%",
        "set /a count=1",
        "python measurement.py",
    )
    assert found.variables == {
        "MEASUREMENT_PLUGIN_NIDMM_SIMULATE": "1",
        "PYTHONPATH": f"{folder}/src/lib:/before",
    }


@needs_batch_reader
def test_a_program_for_windows_is_reported_as_that(folder):
    (folder / "measurement.exe").write_bytes(b"MZ\x90\0")
    with pytest.raises(
        PluginStartError, match=r"measurement\.exe is a program for Windows. Here, put a"
    ):
        start(folder, path="measurement.exe")


@only_windows
def test_windows_itself_runs_the_batch_file(folder):
    (folder / "start.sh").touch()
    python = folder / ".venv" / "Scripts" / "python.exe"
    python.parent.mkdir(parents=True)
    python.touch()
    assert command(folder) == [str(folder / "start.bat")]


@only_windows
def test_without_an_environment_the_platforms_own_python_runs_it_on_windows(folder):
    assert command(folder) == [sys.executable, "measurement.py", "-v"]


@only_windows
def test_a_batch_file_that_first_makes_its_environment_is_run_as_it_is(folder):
    (folder / "start.bat").write_text(f"if not exist .venv py -m venv .venv\r\n{BAT}")
    assert command(folder) == [str(folder / "start.bat")]


@only_windows
def test_a_batch_file_that_only_windows_understands_is_run_as_it_is(folder):
    (folder / "start.bat").write_text('echo "no end\r\n')
    assert command(folder) == [str(folder / "start.bat")]
