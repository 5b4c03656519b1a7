"""The command group: loads the module of a verb only when it is needed."""

from __future__ import annotations

import errno
import importlib

import click
from plugin_kit import PluginError

from platform_sim.errors import PlatformSimError
from platform_sim.printing import harmless_lines

_VERBS = {
    "up": "platform_sim.cli.up:up_command",
    "exec": "platform_sim.cli.execute:exec_command",
    "services": "platform_sim.cli.services:services_command",
    "measure": "platform_sim.cli.measure:measure_command",
    "run": "platform_sim.sequence.cli:run_command",
    "check": "platform_sim.sequence.cli:check_command",
    "pinmap": "platform_sim.cli.pinmap:pinmap_group",
    "reservations": "platform_sim.cli.reservations:reservations_command",
    "instruments": "platform_sim.cli.instruments:instruments_command",
    "measui": "platform_sim.measui.cli:measui_command",
}


class _LazyGroup(click.Group):
    """Knows its verbs by module, so that `platform-sim exec` does not pay for the servers."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _VERBS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Shows errors of this package, of plug-ins and of the system without a traceback.

        They quote what others named, so control characters are written as escapes.
        """
        try:
            return self._invoke(ctx)
        except click.ClickException as error:
            setattr(error, "message", harmless_lines(error.message))  # noqa: B010 (final to mypy)
            raise

    def _invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (PlatformSimError, PluginError) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # click ends quietly when nobody reads its output
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or error}") from error


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="measurement-platform-sim")
def main() -> None:
    """The open NI measurement platform.

    Start it with 'platform-sim up', and look around in a second terminal with
    'platform-sim services'.
    """
