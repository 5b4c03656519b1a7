"""`platform-sim services`: list the services that run or can be started."""

from __future__ import annotations

import json
from pathlib import Path

import click
from plugin_kit.calling import PlatformClient

from platform_sim.cli.options import json_option, locate_platform, state_file_option
from platform_sim.discovery.servicer import CHANGED_FILE_KEY, PID_KEY
from platform_sim.printing import print_line


@click.command("services")
@state_file_option
@json_option
def services_command(state_file: Path | None, as_json: bool) -> None:
    """List the services that run or can be started.

    If the files of a running service were edited after its start, the list says so. The service
    continues with the old files until its process ends.

    Example: platform-sim services
    """
    with PlatformClient(locate_platform(state_file)) as platform:
        services = platform.services()
        running: dict[str, list[str]] = {}
        outdated: dict[str, list[str]] = {}
        for active in platform.active_services():
            location, about = active.service_location, active.service_descriptor
            running.setdefault(about.service_class, []).append(
                f"{location.location}:{location.insecure_port}"
            )
            if CHANGED_FILE_KEY in about.annotations:
                outdated.setdefault(about.service_class, []).append(
                    f"{about.annotations[CHANGED_FILE_KEY]} is newer than process "
                    f"{about.annotations[PID_KEY]}. End that process; the next request starts "
                    "the service with the new file."
                )
    rows = [
        {
            "service_class": one.service_class,
            "display_name": one.display_name,
            "versions": list(one.versions),
            "interfaces": list(one.provided_interfaces),
            "addresses": running.get(one.service_class, []),
            "outdated": outdated.get(one.service_class, []),
        }
        for one in services
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max((len(one.service_class) for one in services), default=0)
    for one in services:
        where = ", ".join(running.get(one.service_class, [])) or "not started"
        versions = ", ".join(one.versions) or "-"
        print_line(f"{one.service_class:<{width}}  {versions:<10}  {where:<22}  {one.display_name}")
        for note in outdated.get(one.service_class, []):
            print_line(f"  {note}")
