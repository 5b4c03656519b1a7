"""Options that several commands share, and the search for the running platform."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import click

from platform_sim.errors import PlatformNotFoundError
from platform_sim.hook import DISCOVERY_VARIABLE, STATE_FILE_VARIABLE
from platform_sim.state_file import default_state_file, read_state

state_file_option = click.option(
    "--state-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=STATE_FILE_VARIABLE,
    show_envvar=True,
    help="State file of the platform. Default: a file in the user's runtime folder.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Seconds(click.FloatRange):
    """A time in seconds, above 0 and up to a hundred years. click's own range accepts `nan`."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=100 * 365 * 86400)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert the option's text to a number."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return seconds


def _parse_sites(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} must be site numbers such as 0,1.") from None


sites_option = click.option(
    "--sites",
    callback=_parse_sites,
    metavar="0,1",
    help="Sites to measure on, such as 0,1. Default: all sites of the pin map.",
)


def locate_platform(state_file: Path | None) -> str:
    """Return HOST:PORT of the running platform's discovery.

    The environment variable PLATFORM_SIM_DISCOVERY takes precedence over any state file.

    Raises:
        PlatformNotFoundError: No running platform has this state file.
    """
    address = os.environ.get(DISCOVERY_VARIABLE)
    if address:
        return address
    path = state_file or default_state_file()
    state = read_state(path)
    if state is None or not state.is_live():
        raise PlatformNotFoundError(
            f"No platform is running with state file {path}. Start one with 'platform-sim up'."
        )
    return state.discovery_address
