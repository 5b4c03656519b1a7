"""`platform-sim measure`: run a measurement plug-in once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from plugin_kit.calling import (
    MeasurementPlugin,
    Parameter,
    PlatformClient,
    PluginCallError,
    PluginMetadata,
    json_value,
)

from platform_sim.cli.options import (
    Seconds,
    json_option,
    locate_platform,
    sites_option,
    state_file_option,
)
from platform_sim.printing import print_line

_LONGEST_ARRAY_SHOWN = 20
_INTERRUPTED_EXIT_CODE = 130
_PIN_KINDS = ("pin", "ioresource")
_SIGN_OF_RESERVING = "reserv"  # "No sessions reserved", "No reserved connections matched"


@click.command("measure")
@click.argument("service_class")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a parameter: an array as JSON or as a comma list, an enum by name. May be "
    "repeated.",
)
@click.option(
    "--pin-map",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=".pinmap file to load. The plug-in measures with it.",
)
@sites_option
@click.option("--timeout", type=Seconds(), help="Deadline in seconds. Default: no deadline.")
@click.option("--describe", is_flag=True, help="Do not measure. Show parameters and outputs.")
@json_option
@state_file_option
def measure_command(
    service_class: str,
    settings: tuple[str, ...],
    pin_map: Path | None,
    sites: tuple[int, ...] | None,
    timeout: float | None,
    describe: bool,
    as_json: bool,
    state_file: Path | None,
) -> None:
    """Run the measurement plug-in SERVICE_CLASS and print each update of its outputs.

    Parameters that are not set get the plug-in's defaults. Ctrl-C cancels the measurement. With
    --json each update is one line of JSON, in which NaN and infinities are null.

    Example: platform-sim measure ni.examples.NIDmmMeasurementWithLogger
    --pin-map PinMap.pinmap --set range=1
    """
    address = locate_platform(state_file)
    with MeasurementPlugin.resolve(service_class, discovery_address=address) as plugin:
        if describe:
            _describe(plugin.metadata, as_json)
            return
        parameters = plugin.parse(_split_settings(settings))
        pin_map_id = ""
        if pin_map is not None:
            with PlatformClient(address) as platform:
                pin_map_id = platform.load_pin_map(pin_map.resolve())
        try:
            for outputs in plugin.stream(
                parameters, pin_map_id=pin_map_id, sites=sites, timeout=timeout
            ):
                _show(outputs, as_json)
        except PluginCallError as error:
            raise PluginCallError(f"{error}{_hint(error, plugin.metadata, pin_map)}") from error
        except KeyboardInterrupt:
            plugin.cancel()
            print_line("Cancelled.", err=True)
            raise SystemExit(_INTERRUPTED_EXIT_CODE) from None


def _hint(error: PluginCallError, metadata: PluginMetadata, pin_map: Path | None) -> str:
    """Return a hint about the pin map if the plug-in seems to need one and got none."""
    has_pins = any(one.specialisation in _PIN_KINDS for one in metadata.parameters)
    if pin_map is not None or not (has_pins or _SIGN_OF_RESERVING in str(error).lower()):
        return ""
    return "\nThe plug-in ran without a pin map. If it needs one, add --pin-map FILE."


def _split_settings(settings: Sequence[str]) -> dict[str, str]:
    texts = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.BadParameter(f"{setting!r} must be NAME=VALUE.", param_hint="--set")
        texts[name] = value
    return texts


def _show(outputs: dict[str, object], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(json_value(outputs)))
        return
    width = max(map(len, outputs), default=0)
    for name, value in outputs.items():
        print_line(f"{name:<{width}}  {_shorten(value)}")
    print_line()


def _shorten(value: Any) -> str:
    if isinstance(value, list) and len(value) > _LONGEST_ARRAY_SHOWN:
        start = ", ".join(str(one) for one in value[:_LONGEST_ARRAY_SHOWN])
        return f"[{start}, ... {len(value)} values]"
    return str(value)


def _describe(metadata: PluginMetadata, as_json: bool) -> None:
    groups = {"parameters": metadata.parameters, "outputs": metadata.outputs}
    if as_json:
        about = {"display_name": metadata.display_name, "version": metadata.version}
        described = {title: [_row(one) for one in group] for title, group in groups.items()}
        click.echo(json.dumps({**about, **described}, indent=2))
        return
    print_line(f"{metadata.display_name} {metadata.version}".rstrip())
    for title, group in groups.items():
        print_line()
        print_line(title.capitalize())
        for one in group:
            default = "" if one.default is None else f" = {_shorten(one.default)}"
            choices = f"  one of {', '.join(one.enum_values)}" if one.enum_values else ""
            print_line(f"  {one.name}: {one.type_name}{default}{choices}")


def _row(one: Parameter) -> dict[str, object]:
    return {
        "name": one.name,
        "type": one.type_name,
        "default": json_value(one.default),
        "enum_values": one.enum_values,
    }
