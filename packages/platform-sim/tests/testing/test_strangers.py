"""The pytest plugin is nothing to a project that has the wheel and does not use it."""

from __future__ import annotations

import pytest
from environments import Environment, build_wheel


@pytest.mark.timeout(600)  # pip fetches pytest from the index
def test_a_project_that_turns_warnings_into_errors_runs_beside_the_wheel(tmp_path):
    wheel = build_wheel(tmp_path)
    # Without dependencies: before a fixture is used, the plugin needs nothing but pytest.
    environment = Environment(tmp_path / ".venv", "--no-deps", wheel)
    assert environment.run("-m", "pip", "install", "--quiet", "pytest").returncode == 0
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_x.py").write_text("def test_x():\n    pass\n")
    done = environment.run("-m", "pytest", "-W", "error", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plugins: measurement-platform-sim" in done.stdout, done.stdout
    assert "1 passed in" in done.stdout
