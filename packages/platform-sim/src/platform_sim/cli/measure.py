"""`platform-sim measure`: runs a measurement plug-in once."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from platform_sim.cli.options import json_option, locate_platform, state_file_option
from platform_sim.platform_client import PlatformClient
from platform_sim.plugin_client import MeasurementPlugin, Parameter

_LONGEST_ARRAY_SHOWN = 20
_INTERRUPTED_EXIT_CODE = 130


@click.command("measure")
@click.argument("service_class")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a parameter; arrays as JSON or a comma list, enums by name. May be repeated.",
)
@click.option(
    "--pin-map",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=".pinmap file to load and measure with.",
)
@click.option("--sites", metavar="0,1", help="Sites to measure on. Default: all of the pin map.")
@click.option("--timeout", type=float, help="Deadline in seconds.")
@click.option("--describe", is_flag=True, help="Show parameters and outputs instead of measuring.")
@json_option
@state_file_option
def measure_command(
    service_class: str,
    settings: tuple[str, ...],
    pin_map: Path | None,
    sites: str | None,
    timeout: float | None,
    describe: bool,
    as_json: bool,
    state_file: Path | None,
) -> None:
    """Run the measurement plug-in SERVICE_CLASS and print its outputs as they come.

    Parameters that are not set have the plug-in's defaults. Ctrl-C cancels the measurement. With
    --json each update is one line of JSON.

    Example: platform-sim measure ni.examples.NIDmmMeasurementWithLogger
    --pin-map PinMap.pinmap --set range=1
    """
    address = locate_platform(state_file)
    with MeasurementPlugin.resolve(service_class, discovery_address=address) as plugin:
        if describe:
            _describe(plugin)
            return
        values = plugin.parse(_split_settings(settings))
        pin_map_id = ""
        if pin_map is not None:
            with PlatformClient(address) as platform:
                pin_map_id = platform.load_pin_map(pin_map.resolve())
        try:
            for outputs in plugin.measure(
                values, pin_map_id=pin_map_id, sites=_split_sites(sites), timeout=timeout
            ):
                _show(outputs, as_json)
        except KeyboardInterrupt:
            plugin.cancel()
            click.echo("Cancelled.", err=True)
            raise SystemExit(_INTERRUPTED_EXIT_CODE) from None


def _split_settings(settings: Sequence[str]) -> dict[str, str]:
    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{setting!r} must be NAME=VALUE.", param_hint="--set")
        values[name] = value
    return values


def _split_sites(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise click.BadParameter(
            f"{text!r} must be site numbers such as 0,1.", param_hint="--sites"
        ) from None


def _show(outputs: dict[str, object], as_json: bool) -> None:
    plain = {name: _plain(value) for name, value in outputs.items()}
    if as_json:
        click.echo(json.dumps(plain))
        return
    width = max(map(len, plain), default=0)
    for name, value in plain.items():
        click.echo(f"{name:<{width}}  {_shorten(value)}")
    click.echo()


def _plain(value: object) -> object:
    """Returns a value that JSON has; enums by name."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _shorten(value: Any) -> str:
    if isinstance(value, list) and len(value) > _LONGEST_ARRAY_SHOWN:
        start = ", ".join(str(one) for one in value[:_LONGEST_ARRAY_SHOWN])
        return f"[{start}, ... {len(value)} values]"
    return str(value)


def _describe(plugin: MeasurementPlugin) -> None:
    metadata = plugin.metadata
    click.echo(f"{metadata.display_name} {metadata.version}".rstrip())
    _describe_group("Parameters", metadata.parameters)
    _describe_group("Outputs", metadata.outputs)


def _describe_group(title: str, parameters: Sequence[Parameter]) -> None:
    click.echo(f"\n{title}")
    for one in parameters:
        default = "" if one.default is None else f" = {_shorten(_plain(one.default))}"
        choices = f"  one of {', '.join(one.enum_values)}" if one.enum_values else ""
        click.echo(f"  {one.name}: {one.type_name}{default}{choices}")
