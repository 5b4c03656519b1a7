"""The wheel puts the hook into every process of its environment."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from capabilities import needs_hook
from environments import build_wheel
from platform_process import clean_environment

START_AND_FIND = """
import site, sys
site.addsitedir(sys.argv[1])
print([type(one).__name__ for one in sys.meta_path][0])
from ni.measurementlink.discovery.v1.client import DiscoveryClient
print([node.url for node in DiscoveryClient().enumerate_compute_nodes()])
"""


@pytest.fixture(scope="module")
def installed_wheel(tmp_path_factory):
    """A site folder with the wheel's content, as an installer lays it out."""
    folder = tmp_path_factory.mktemp("wheel")
    site = folder / "site"
    with zipfile.ZipFile(build_wheel(folder)) as wheel:
        wheel.extractall(site)
    return site


def test_the_pth_file_is_at_the_root_of_the_wheel(installed_wheel):
    pth = installed_wheel / "platform_sim_hook.pth"
    assert pth.read_text().startswith("import platform_sim.hook.startup")
    assert (installed_wheel / "platform_sim" / "hook" / "inject" / "sitecustomize.py").exists()


@needs_hook
def test_an_unmodified_client_finds_the_platform_by_the_wheels_pth(ni_platform, installed_wheel):
    environment = {
        **clean_environment(),
        "PLATFORM_SIM_DISCOVERY": ni_platform.discovery_address,
        "PYTHONPATH": str(installed_wheel),
    }
    done = subprocess.run(
        [sys.executable, "-c", START_AND_FIND, str(installed_wheel)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "PlatformSimFinder\n['localhost']\n", done.stderr


def test_the_wheel_requires_versions_not_paths(installed_wheel):
    (metadata,) = installed_wheel.glob("*.dist-info/METADATA")
    lines = metadata.read_text(encoding="utf-8").splitlines()
    requires = [line for line in lines if line.startswith("Requires-Dist:")]
    assert requires
    assert not any("@" in line for line in requires)
