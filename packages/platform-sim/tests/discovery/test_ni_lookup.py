"""Programs with NI's SDK on Windows find the platform by NI's registry value and key file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from capabilities import needs_hook
from platform_process import clean_environment, invoke, running_platform
from platform_sim.errors import PlatformSimError
from platform_sim.hook import CLUSTER_VARIABLE, cluster_id
from platform_sim.key_file import holding_key_file, key_file
from plugin_folders import write_script_plugin
from plugin_kit.calling import MeasurementPlugin

needs_lookup = pytest.mark.skipif(key_file() is None, reason="no key files of NI's SDK")

PLUGIN = """
    from pathlib import Path
    import ni_measurement_plugin_sdk_service as nims

    service = nims.MeasurementService(
        service_config_path=Path(__file__).with_name("plugin.serviceconfig"), ui_file_paths=[]
    )

    @service.register_measurement
    @service.configuration("value", nims.DataType.Double, 2.0)
    @service.output("doubled", nims.DataType.Double)
    def measure(value):
        return (2 * value,)

    with service.host_service():
        input()
"""

CLIENT = """
from ni.measurementlink.discovery.v1.client import DiscoveryClient
location = DiscoveryClient().resolve_service(
    "ni.measurementlink.measurement.v2.MeasurementService", "test.Doubling"
)
print(location.insecure_address)
"""


def resolve_with_the_sdk(**variables: str) -> str:
    """Resolve the plug-in in a process to which nobody tells the platform's address."""
    environment = {k: v for k, v in clean_environment().items() if k != CLUSTER_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_lookup
def test_behind_nis_key_file_an_unmodified_plugin_is_started_registers_and_measures(
    tmp_path: Path,
) -> None:
    write_script_plugin(tmp_path / "plugin", "test.Doubling", PLUGIN)
    file = key_file()
    assert file is not None
    with (
        running_platform(tmp_path, "--plugins", tmp_path / "plugin") as platform,
        holding_key_file(file, platform.state.discovery_address),
        MeasurementPlugin(resolve_with_the_sdk()) as plugin,
    ):
        assert plugin.measure({"value": 21.0}) == {"doubled": 42.0}
    assert not file.exists()


@needs_lookup
def test_as_ni_discovery_the_platform_keeps_that_file_itself(tmp_path: Path) -> None:
    write_script_plugin(tmp_path / "plugin", "test.Doubling", PLUGIN)
    file = key_file()
    assert file is not None
    options = ("--as-ni-discovery", "--plugins", tmp_path / "plugin")
    with running_platform(tmp_path, *options) as platform:
        assert any(line.startswith("warning: until it ends") for line in platform.output)
        with MeasurementPlugin(resolve_with_the_sdk()) as plugin:
            assert plugin.measure({"value": 21.0}) == {"doubled": 42.0}
        with pytest.raises(PermissionError):  # only NI's SDK asks for a file that may vanish
            file.read_bytes()
        with pytest.raises(PlatformSimError, match="another discovery service runs"):
            holding_key_file(file, "127.0.0.1:1").__enter__()
        platform.process.kill()  # the file goes with the process, however that ends
        platform.process.wait()
    assert not file.exists()


@needs_lookup
def test_each_platform_has_a_key_file_that_its_own_programs_read(tmp_path: Path) -> None:
    write_script_plugin(tmp_path / "plugin", "test.Doubling", PLUGIN)
    with running_platform(tmp_path, "--plugins", tmp_path / "plugin") as platform:
        own = cluster_id(platform.state.discovery_address)
        assert resolve_with_the_sdk(**{CLUSTER_VARIABLE: own})


@needs_hook
def test_as_ni_discovery_is_refused_where_nis_sdk_has_no_lookup(tmp_path: Path) -> None:
    done = invoke("up", "--as-ni-discovery", "--state-file", tmp_path / "state.json")
    assert done.exit_code == 1
    assert "platform-sim exec" in done.stderr
    assert list(tmp_path.iterdir()) == []
