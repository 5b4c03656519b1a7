"""A plug-in ends with all processes behind its start file, and with the platform."""

from __future__ import annotations

from pathlib import Path

import psutil
from platform_process import DEADLINE, running_platform, wait_for_exit, wait_until
from plugin_folders import REGISTER_AND_WAIT, started_pids, write_script_plugin
from plugin_kit.calling import PlatformClient

STUBBORN = (
    'CLASS, VERSIONS = "test.Stubborn", []\n'
    "import subprocess, sys\n"
    'SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"\n'
    'with open("children.txt", "w") as children:\n'
    '    subprocess.Popen([sys.executable, "-c", SLEEP], stdout=children)\n'
)
"""A plug-in whose child process does not read the input by which plug-ins are ended."""


def _start(platform_address: str, folder: Path) -> list[int]:
    """Start the plug-in and return its process and its child process."""
    with PlatformClient(platform_address) as client:
        client.resolve("test.Interface")
    children = folder / "children.txt"
    wait_until(lambda: children.read_text().endswith("\n"))
    return [*started_pids(folder), int(children.read_text())]


def _write(folder: Path) -> Path:
    script = STUBBORN + "\n".join(line[4:] for line in REGISTER_AND_WAIT.splitlines())
    write_script_plugin(folder, "test.Stubborn", script, providedInterfaces=["test.Interface"])
    return folder


def test_the_children_of_a_plugin_end_when_the_platform_stops(tmp_path: Path) -> None:
    folder = _write(tmp_path / "stubborn")
    with running_platform(tmp_path, "--plugins", folder) as platform:
        pids = _start(platform.state.discovery_address, folder)
        assert all(map(psutil.pid_exists, pids))
        assert platform.stop() == 0
    assert all(wait_for_exit(pid, DEADLINE) for pid in pids)


def test_a_plugin_behind_its_start_file_ends_with_a_killed_platform(tmp_path: Path) -> None:
    folder = _write(tmp_path / "stubborn")
    with running_platform(tmp_path, "--plugins", folder) as platform:
        plugin, *children = _start(platform.state.discovery_address, folder)
        try:
            platform.process.kill()
            assert wait_for_exit(plugin, DEADLINE)
        finally:
            for child in children:  # only Windows ends the children of a plug-in, too
                if psutil.pid_exists(child):
                    psutil.Process(child).kill()
