"""The wheel in other projects' environments: without using it, and with an older SDK."""

from __future__ import annotations

import pytest
from capabilities import needs_internet
from environments import PROJECT, Environment, build_wheel
from page_commands import Page, write_files


@needs_internet
@pytest.mark.timeout(600)  # pip fetches pytest from the index
def test_a_project_that_turns_warnings_into_errors_runs_beside_the_wheel(tmp_path):
    wheel = build_wheel(tmp_path)
    # Without dependencies: before a fixture is used, the plugin needs only pytest.
    environment = Environment(tmp_path / ".venv", "--no-deps", wheel)
    assert environment.run("-m", "pip", "install", "--quiet", "pytest").returncode == 0
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_x.py").write_text("def test_x():\n    pass\n")
    done = environment.run("-m", "pytest", "-W", "error", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plugins: measurement-platform-sim" in done.stdout, done.stdout
    assert "1 passed in" in done.stdout


@pytest.mark.soak
@pytest.mark.timeout(900)  # pip fetches all requirements of the wheel
def test_a_plugin_with_version_2_of_the_sdk_is_tested_in_one_environment_with_it(tmp_path):
    ours = (PROJECT, PROJECT.parent / "device-sim", PROJECT.parent / "session-sharing")
    wheels = [build_wheel(tmp_path, project) for project in ours]
    sdk = "ni-measurement-plugin-sdk-service<3"
    environment = Environment(tmp_path / ".venv", *wheels, "pytest", sdk)
    files = Page("docs/testing-plugins.md").named_files()
    used = {name: text for name, text in files.items() if "my_plugin" in name}
    project = tmp_path / "project"
    project.mkdir()
    write_files(project, used)
    done = environment.run("-m", "pytest", "-W", "error", folder=project)
    assert "2 passed in" in done.stdout, done.stdout + done.stderr
