"""The statements of the README and the reference page are true."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import device_sim
import pytest
from device_process import running_device_sim
from device_sim import drivers
from device_sim.cli import main
from device_sim.cli.serve import serve_command

PACKAGE = Path(__file__).parents[1]
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
REFERENCE = PACKAGE.parents[1] / "docs" / "reference" / "device-sim.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_nis_driver_measures_as_the_readme_says(tmp_path):
    with running_device_sim(tmp_path) as server:
        code = blocks("python")[0].replace("127.0.0.1:31763", server.address)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "voltage=2.0, current=0.001" in done.stdout, done.stderr


def test_the_readme_names_the_port_that_is_served_without_an_option():
    (port,) = (option for option in serve_command.params if option.name == "port")
    assert f"127.0.0.1:{port.default}" in blocks("python")[0]


def test_a_test_uses_the_server_as_the_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    part = 'name = "Rload0"\nkind = "resistor"\na = "net"\nb = "GND"\nvalue = 100.0'
    wire = 'channel = "DMM1"\nhi = "net"'
    Path("bench.toml").write_text(f"[[connect]]\n{wire}\n[[part]]\n{part}\n", encoding="utf-8")
    found: dict[str, object] = {"Path": Path}
    exec(blocks("python")[1], found)
    server = found["server"]
    assert isinstance(server, device_sim.DeviceServer)
    assert server.bench.parts["Rload0"]["value"] == 150.0


def test_the_readme_lists_the_commands_and_the_extras():
    table = README.split("## Commands")[1].split("##")[0]
    named = set(re.findall(r"\| `device-sim ([\w ]+?)(?: F)?` \|", table))
    assert named == {"serve", "coverage", "bench check", "bench draw"}
    assert {name.split()[0] for name in named} == set(main.commands)
    extras = {folder.extra for folder in drivers._folders()}
    assert set(re.findall(r"\| `(\w+)` \| ni\w+ \|", README)) == extras


@pytest.mark.skipif(not REFERENCE.exists(), reason="the package is tested outside its repository")
def test_the_reference_shows_the_faces_of_the_package_and_its_bench():
    text = REFERENCE.read_text(encoding="utf-8")
    shown = re.findall(r"\.\. automodule:: ([\w.]+)\n   :imported-members:\n", text)
    assert shown == re.findall(r"automodule:: ([\w.]+)", text) == ["device_sim", "device_sim.bench"]
    for name in shown:
        module = importlib.import_module(name)
        assert module.__all__ == sorted(module.__all__)
        assert all(getattr(module, each).__doc__ for each in module.__all__)
