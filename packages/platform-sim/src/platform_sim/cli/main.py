"""The command group. It loads the module of a command only when that command runs."""

from __future__ import annotations

import click
from plugin_kit import PluginError
from session_sharing.commands import LazyGroup

from platform_sim.errors import PlatformSimError

_VERBS = {
    "up": "platform_sim.cli.up:up_command",
    "exec": "platform_sim.cli.execute:exec_command",
    "services": "platform_sim.cli.services:services_command",
    "measure": "platform_sim.cli.measure:measure_command",
    "run": "platform_sim.cli.sequences:run_command",
    "check": "platform_sim.cli.sequences:check_command",
    "pinmap": "platform_sim.cli.pinmap:pinmap_group",
    "reservations": "platform_sim.cli.reservations:reservations_command",
    "instruments": "platform_sim.cli.instruments:instruments_command",
    "measui": "platform_sim.cli.measui:measui_command",
    "new": "platform_sim.cli.new:new_group",
    "sequence": "platform_sim.cli.sequences:sequence_group",
}


@click.group(
    cls=LazyGroup,
    places=_VERBS,
    shown_errors=[PlatformSimError, PluginError],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="measurement-platform-sim")
def main() -> None:
    """Run plug-ins and sequences on an open stand-in for the NI measurement platform.

    Start the platform with 'platform-sim up'. Then list its services in a second terminal with
    'platform-sim services'.
    """
