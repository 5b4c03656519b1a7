"""Recognise a plug-in that NI's generator (ni-measurement-plugin-generator) has written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from platform_sim.discovery.serviceconfig import read_service_config
from platform_sim.new.errors import NewProjectError


@dataclass(frozen=True, slots=True)
class GeneratedPlugin:
    """A plug-in whose files are all in one folder, as NI's generator writes them."""

    display_name: str
    """Name that its users see."""

    service_class: str
    """Service class of the plug-in."""

    service_config: str
    """Name of its .serviceconfig file."""

    modules: tuple[str, ...]
    """Names of its Python files."""


def find_generated_plugin(folder: Path) -> GeneratedPlugin | None:
    """Return the plug-in of a folder with measurement.py and one .serviceconfig file.

    Raises:
        NewProjectError: There are several .serviceconfig files, or several services in one.
        ServiceConfigError: The .serviceconfig file cannot be read.
    """
    files = sorted(folder.glob("*.serviceconfig"))
    if not files or not (folder / "measurement.py").is_file():
        return None
    services = [service for file in files for service in read_service_config(file)]
    if len(services) != 1:
        raise NewProjectError(
            f"{folder} describes {len(services)} services. Give each plug-in a folder of its own."
        )
    service = services[0].service
    modules = tuple(sorted(path.name for path in folder.glob("*.py")))
    return GeneratedPlugin(
        service.display_name, service.service_class, files[0].name, modules
    )
