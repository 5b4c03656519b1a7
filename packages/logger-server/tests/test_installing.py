"""`json-logger install` and `uninstall`: for discovery, and at login on Windows."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from capabilities import needs_startup_folder
from click.testing import CliRunner, Result
from json_logger_server.cli import main
from session_sharing.cli import installing
from session_sharing.client import stop_server

SOON = 120.0
"""Seconds within which a server must start; only one that hangs needs as long."""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_uninstall_removes_the_folder_that_install_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "json-logger"
    assert run("install", folder).exit_code == 0
    assert (folder / "JsonLogger.serviceconfig").exists()

    done = run("uninstall", folder)

    assert done.exit_code == 0, done.output
    assert not folder.exists()


def test_without_a_folder_the_logger_is_installed_into_nis_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "plugins_folder", lambda: tmp_path)  # no machine here has one

    assert run("install").exit_code == 0
    assert (tmp_path / "json-logger" / "start.bat").exists()
    assert run("uninstall").exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["install", "F", "--at-login"], ["uninstall", "F", "--at-login"], ["install", "--log-root=F"]],
    ids=" ".join,
)
def test_options_that_exclude_each_other_are_refused_and_nothing_is_written(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPDATA", str(tmp_path))

    done = run(*arguments)

    assert done.exit_code == 1
    assert "--at-login" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_without_a_startup_folder_the_command_says_what_to_do(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPDATA", raising=False)

    done = run(verb, "--at-login")

    assert done.exit_code == 1
    assert "running.md" in done.output


@needs_startup_folder
def test_the_entry_at_login_says_its_encoding_before_it_names_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPDATA", str(tmp_path))
    assert (
        run("install", "--at-login", "--log-root", "C:\\J ö", "--log-root", "D:\\").exit_code == 0
    )

    (entry,) = tmp_path.rglob("*.bat")
    lines = entry.read_text(encoding="utf-8").splitlines()

    assert lines[-2] == "chcp 65001 >nul"  # Wine's interpreter ignores it, so this is not run here
    assert lines[-1].endswith(' serve --log-root "C:\\J ö" --log-root "D:\\."')


@needs_startup_folder
def test_the_entry_at_login_starts_a_server_for_the_log_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = tmp_path / "100% a&b"
    logs.mkdir()
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run("install", "--at-login", "--log-root", logs).exit_code == 0
    (entry,) = tmp_path.glob("roaming/Microsoft/Windows/Start Menu/Programs/Startup/*.bat")
    state = tmp_path / "session-sharing" / "json-logger.json"

    subprocess.run(["cmd", "/d", "/c", str(entry)], check=True, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + SOON
    while not state.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shown = subprocess.run(
        [sys.executable, "-m", "json_logger_server", "doctor"], capture_output=True, check=False
    )

    assert b"answers" in shown.stdout
    assert stop_server(state, SOON)
    assert run("uninstall", "--at-login").exit_code == 0
    assert not entry.exists()
    assert run("uninstall", "--at-login").exit_code == 1
