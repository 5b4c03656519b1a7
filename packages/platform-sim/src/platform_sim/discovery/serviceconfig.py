"""Read .serviceconfig files, which describe the services that can be started on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platform_sim.discovery.description import ServiceDescription
from platform_sim.errors import ServiceConfigError
from platform_sim.file_walk import walk_files

OWN_SECTION = "platform-sim"
"""Key of the section of a service entry that only platform-sim reads."""

TRUST_REMEDY = (
    "The platform starts nothing from there. Change the owner or the mode. If you trust the other "
    "users, use 'platform-sim up --plugins-of-others' or the option trusts_plugins_of_others."
)
"""How to fix a file that other users could change."""


@dataclass(frozen=True, slots=True)
class InstalledService:
    """A service that discovery can start."""

    service: ServiceDescription
    """Description of the service."""
    config_file: Path
    """The .serviceconfig file. Start paths are relative to its folder."""
    start_path: str
    """The `path` key: the program that discovery on Windows runs."""
    start_command: tuple[str, ...] = ()
    """The `start` key of the `platform-sim` section: a command for this platform."""

    @property
    def folder(self) -> Path:
        """Folder of the .serviceconfig file, also the working folder of the process."""
        return self.config_file.parent


def read_service_config(file: Path) -> list[InstalledService]:
    """Read the services of a .serviceconfig file.

    Both spellings of the interface key are read: `providedInterfaces` (list) and
    `providedInterface` (one name), which public services use as well.

    Raises:
        ServiceConfigError: The file is no JSON, cannot be read, or lacks a key.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
        return [_read_entry(file, entry) for entry in _entries(document)]
    except KeyError as error:
        raise ServiceConfigError(f"{file}: the key {error} is missing. Add it.") from error
    except RecursionError as error:
        raise ServiceConfigError(f"{file}: the JSON is nested too deeply.") from error
    except OSError as error:
        raise ServiceConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise ServiceConfigError(f"{file}: {error}") from error


def find_service_configs(folder: Path) -> list[Path]:
    """Return the .serviceconfig files in a folder and its subfolders, upper folders first."""
    files = [file for file in walk_files(folder) if file.suffix == ".serviceconfig"]
    return sorted(files, key=lambda file: (len(file.parts), file))


def _entries(document: object) -> list[Mapping[str, object]]:
    services = document["services"] if isinstance(document, dict) else None
    if not isinstance(services, list) or not all(isinstance(entry, dict) for entry in services):
        raise TypeError('The content must have the form {"services": [{...}, ...]}.')
    return services


def _read_entry(file: Path, entry: Mapping[str, object]) -> InstalledService:
    interfaces = entry.get("providedInterfaces", entry.get("providedInterface"))
    if interfaces is None:
        raise KeyError("providedInterfaces")
    if isinstance(interfaces, str):
        interfaces = [interfaces]
    if not isinstance(interfaces, list) or not all(isinstance(one, str) for one in interfaces):
        raise TypeError("providedInterfaces must be a list of names.")
    annotations = entry.get("annotations") or {}
    if not isinstance(annotations, dict):
        raise TypeError("annotations must be an object.")
    return InstalledService(
        service=ServiceDescription(
            display_name=_name(entry, "displayName"),
            service_class=_name(entry, "serviceClass"),
            provided_interfaces=tuple(interfaces),
            version=_text(entry, "version"),
            description_url=_text(entry, "descriptionUrl"),
            annotations={key: _annotation_text(value) for key, value in annotations.items()},
        ),
        config_file=file,
        start_path=_text(entry, "path"),
        start_command=_start_command(entry.get(OWN_SECTION)),
    )


def _name(entry: Mapping[str, object], key: str) -> str:
    name = entry[key]
    if not isinstance(name, str) or not name:
        raise TypeError(f"{key} must be a name, not {name!r:.60}.")
    return name


def _text(entry: Mapping[str, object], key: str) -> str:
    text = entry.get(key) or ""
    if not isinstance(text, str):
        raise TypeError(f"{key} must be text, not {text!r:.60}.")
    return text


def _annotation_text(value: object) -> str:
    """Return an annotation as the SDK registers it: text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _start_command(section: object) -> tuple[str, ...]:
    if section is None:
        return ()
    command = section.get("start") if isinstance(section, dict) else None
    if isinstance(command, list) and command and all(isinstance(part, str) for part in command):
        return tuple(command)
    raise TypeError(f'"{OWN_SECTION}" must have the form {{"start": ["program", ...]}}.')
