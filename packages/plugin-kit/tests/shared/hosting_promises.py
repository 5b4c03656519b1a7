"""Test the commands of a plug-in; the test class of each plug-in derives from this one."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from logger_station import LoggingPlugin, Station
from platform_sim.measui import check_bindings, measui_text, missing_controls
from plugin_kit.calling import PlatformClient
from plugin_processes import DEADLINE, WAYS_TO_STOP, ask_to_stop, install, served

if TYPE_CHECKING:
    from platform_sim.testing import PlatformFixture


class HostingPromises:
    """Derive a class whose name begins with Test, and set `plugin`."""

    plugin: ClassVar[LoggingPlugin]

    def test_install_writes_the_files_that_discovery_needs(self, tmp_path: Path) -> None:
        written = install(self.plugin.module, tmp_path, "--simulate")

        config = f"{self.plugin.file_name}.serviceconfig"
        assert set(written) == {path.name for path in tmp_path.iterdir()}
        assert set(written) >= {
            config,
            f"{self.plugin.file_name}.measui",
            "start.sh",
            "start.bat",
            "install.bat",
            ".env",
            ".env.simulation",
            ".serviceignore",
        }
        (service,) = json.loads((tmp_path / config).read_text())["services"]
        assert (tmp_path / service["path"]).exists()
        assert service["version"] == version(self.plugin.distribution)
        assert sys.executable in (tmp_path / "start.sh").read_text()

    def test_installing_again_keeps_the_env_file_of_the_user(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("# mine\n")

        install(self.plugin.module, tmp_path, "--simulate")

        assert (tmp_path / ".env").read_text() == "# mine\n"

    @pytest.mark.parametrize("way", WAYS_TO_STOP)
    def test_it_stops_cleanly_and_unregisters(self, ni_platform: PlatformFixture, way: str) -> None:
        program = ("-m", self.plugin.module)
        with (
            served(program, ni_platform.environment(), self.plugin.service_class) as process,
            PlatformClient(ni_platform.discovery_address) as client,
        ):
            assert client.address_of(self.plugin.service_class)
            ask_to_stop(process, way)
            assert process.wait(DEADLINE) == 0
            assert not client.address_of(self.plugin.service_class)

    def test_it_serves_without_a_parent_process_that_holds_its_input(
        self, ni_platform: PlatformFixture
    ) -> None:
        with served(
            ("-m", self.plugin.module),
            ni_platform.environment(),
            self.plugin.service_class,
            stdin=subprocess.DEVNULL,
        ) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.7)
            ask_to_stop(process, "SIGTERM")
            assert process.wait(DEADLINE) == 0

    def test_the_panel_is_the_one_made_from_the_metadata(self, station: Station) -> None:
        service_class, data = self.plugin.service_class, self.plugin.data
        with station.plugin() as plugin:
            metadata = plugin.metadata
        panel = (data / f"{self.plugin.file_name}.measui").read_text(encoding="utf-8")

        assert check_bindings(panel, service_class, metadata) == []
        assert missing_controls(panel, metadata) == []
        assert panel == measui_text(service_class, metadata), (
            f"run: platform-sim measui {service_class} -o {data}"
        )
