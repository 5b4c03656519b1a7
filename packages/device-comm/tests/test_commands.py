"""The commands of `device-comm` work with a running server, and say what to do without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from device_comm_process import DeviceCommProcess
from own_station import RUNTIME_FOLDER


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "device_comm", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


def answer(server: DeviceCommProcess, *arguments: str) -> Any:
    done = run(*arguments, f"--state-file={server.state_file}", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_sessions_are_listed_shown_and_closed(server: DeviceCommProcess) -> None:
    device = server.client()
    (listed,) = answer(server, "ls")
    assert listed["resource"] == "Dut"
    shown = answer(server, "show", "Dut")
    assert len(shown["attachments"]) == 1
    assert "sample.csv" in json.dumps(shown)

    assert answer(server, "close", "Dut")["closed"] is True
    assert answer(server, "ls") == []
    device.detach()


def test_a_server_starts_with_its_ready_line_and_stops_cleanly(
    own_server: DeviceCommProcess,
) -> None:
    assert own_server.ready_line.startswith("device-comm is ready at ipv4:127.0.0.1:")
    device = own_server.client()
    device.set_line(0, 0, True)
    assert own_server.terminate() == 0
    device.connection.close()
    assert not own_server.state_file.exists()


def test_the_doctor_finds_the_server_and_says_how_to_start_one(
    server: DeviceCommProcess, tmp_path: Path
) -> None:
    variables = {RUNTIME_FOLDER: str(tmp_path)}
    root = f"--map-root={server.folder}"
    done = run("doctor", "--json", root, f"--state-file={server.state_file}", **variables)
    found = {one["subject"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert "answers" in found["server"]["text"]
    assert found[f"folder for register maps {server.folder}"]["verdict"] == "ok"

    none = run("doctor", "--json", root, f"--state-file={tmp_path / 'none.json'}", **variables)
    (missing,) = [one for one in json.loads(none.stdout) if one["subject"] == "server"]
    assert (missing["verdict"], none.returncode) == ("note", 0)
    assert "`device-comm serve` starts one" in missing["text"]


def test_install_writes_what_discovery_needs_and_uninstall_removes_it(tmp_path: Path) -> None:
    folder = tmp_path / "device-comm"
    done = run("install", str(folder))
    assert done.returncode == 0, done.stderr
    (service,) = json.loads((folder / "DeviceCommunication.serviceconfig").read_text())["services"]
    assert service["serviceClass"] == "ni.DeviceControl.CommService"
    assert service["providedInterfaces"] == ["ni.device_control.v1.service"]
    assert (folder / service["path"]).exists()
    assert "-m device_comm serve --stop-with-starter --map-root ." in (
        folder / "start.sh"
    ).read_text(encoding="utf-8")

    assert run("uninstall", str(folder)).returncode == 0
    assert not folder.exists()


@pytest.mark.parametrize(
    "options", [["--tls-key=sample.csv"], ["--listen=tcp:0.0.0.0:0"], ["--gpio=bench"]], ids=str
)
def test_a_server_with_wrong_options_does_not_start(
    options: list[str], server: DeviceCommProcess, tmp_path: Path
) -> None:
    given = [option.replace("sample", str(server.folder / "sample")) for option in options]
    done = run("serve", f"--state-file={tmp_path / 's.json'}", "--no-discovery", *given)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: ")


def test_every_session_event_is_in_the_audit_trail(tmp_path: Path) -> None:
    trail = tmp_path / "audit.ndjson"
    with DeviceCommProcess(tmp_path, f"--audit={trail}") as server:
        server.client().close()
        server.terminate()
    assert "Dut" in trail.read_text(encoding="utf-8")
