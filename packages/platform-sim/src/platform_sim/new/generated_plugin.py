"""Recognise a plug-in that NI's generator (`ni-measurement-plugin-generator`) has written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from platform_sim.discovery.serviceconfig import read_service_config
from platform_sim.new.errors import NewProjectError

_HOSTABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
"""The SDK makes names of protobuf messages from the service class."""


@dataclass(frozen=True, slots=True)
class GeneratedPlugin:
    """A plug-in whose files are all in one folder. File names are relative to it."""

    display_name: str
    """Name that its users see."""

    service_class: str
    """Service class of the plug-in."""

    modules: tuple[str, ...]
    """Its Python files."""

    data: tuple[str, ...]
    """Its .serviceconfig file and its panels."""

    panel: str
    """Its .measui file; empty if it has none."""

    pin_map: str
    """Its .pinmap file; empty if it has none."""


def find_generated_plugin(folder: Path) -> GeneratedPlugin | None:
    """Return the plug-in of a folder with measurement.py and one .serviceconfig file.

    Raises:
        NewProjectError: There are several services, or one that NI's SDK cannot host.
        ServiceConfigError: The .serviceconfig file cannot be read.
    """
    configs = sorted(folder.glob("*.serviceconfig"))
    if not configs or not (folder / "measurement.py").is_file():
        return None
    services = [service for file in configs for service in read_service_config(file)]
    if len(services) != 1:
        raise NewProjectError(
            f"{folder} describes {len(services)} services. Give each plug-in a folder of its own."
        )
    service = services[0].service
    if not _HOSTABLE.match(service.service_class):
        raise NewProjectError(
            f"NI's SDK cannot host the service class {service.service_class!r}. Use letters, "
            f"digits, dots and _ in {configs[0].name} and in the panel, or give NI's generator the "
            "option --service-class."
        )
    panels = _names(folder, "*.measui")
    return GeneratedPlugin(
        display_name=service.display_name,
        service_class=service.service_class,
        modules=_names(folder, "*.py"),
        data=(configs[0].name, *panels),
        panel=next(iter(panels), ""),
        pin_map=next(iter(_names(folder, "*.pinmap")), ""),
    )


def _names(folder: Path, pattern: str) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.glob(pattern)))
