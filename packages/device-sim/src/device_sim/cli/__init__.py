"""The command `device-sim`."""

from __future__ import annotations

import click
from session_sharing import SessionSharingError
from session_sharing.commands import HarmlessGroup

from device_sim.cli.bench import bench_group
from device_sim.cli.coverage import coverage_command
from device_sim.cli.serve import serve_command
from device_sim.errors import DeviceSimError


@click.group(
    cls=HarmlessGroup,
    shown_errors=[DeviceSimError, SessionSharingError],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="measurement-device-sim")
def main() -> None:
    """Simulate instruments for the real NI driver packages.

    Start the server with 'device-sim serve'.
    """


for command in (serve_command, coverage_command, bench_group):
    main.add_command(command)
