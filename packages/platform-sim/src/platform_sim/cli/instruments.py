"""`platform-sim instruments`: list the instrument models and the open sessions."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from device_sim import DeviceControl, ModelInfo, SessionInfo, list_models
from plugin_kit.calling import PlatformClient

from platform_sim.cli.options import json_option, locate_platform, state_file_option
from platform_sim.discovery.own_services import DEVICE_SERVER_CLASS
from platform_sim.errors import PlatformNotFoundError
from platform_sim.printing import print_line


@click.command("instruments")
@state_file_option
@json_option
def instruments_command(state_file: Path | None, as_json: bool) -> None:
    """List the instrument models that can be simulated, and the open driver sessions.

    The list of models needs no running platform. The sessions are those of the running one.

    Example: platform-sim instruments
    """
    models = list_models()
    sessions = _open_sessions(state_file)
    if as_json:
        rows = {
            "models": [asdict(model) for model in models],
            "sessions": None if sessions is None else [asdict(one) for one in sessions],
        }
        click.echo(json.dumps(rows, indent=2))
        return
    print_line("Models")
    _show_models(models)
    print_line()
    print_line("Open sessions")
    if sessions is None:
        print_line("  No platform is running. Start one with 'platform-sim up'.")
    elif not sessions:
        print_line("  none")
    for one in sessions or []:
        print_line(f"  {one.name}  {one.driver}  {one.model}  channels {', '.join(one.channels)}")


def _open_sessions(state_file: Path | None) -> list[SessionInfo] | None:
    try:
        address = locate_platform(state_file)
    except PlatformNotFoundError:
        return None
    with PlatformClient(address) as platform:
        device_server = platform.address_of(DEVICE_SERVER_CLASS)
    if not device_server:
        return []
    with DeviceControl(device_server) as control:
        return control.sessions


def _show_models(models: list[ModelInfo]) -> None:
    width = max((len(model.name) for model in models), default=0)
    for model in models:
        default = "  default" if model.default else ""
        channels = f"{model.channels} channel{'s' if model.channels > 1 else ''}"
        print_line(f"  {model.name:<{width}}  {model.driver:<9}  {channels:<11}{default}".rstrip())
