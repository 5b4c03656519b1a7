"""The services that can be started: the .serviceconfig files of the plug-in folders."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_sim.discovery.serviceconfig import (
    InstalledService,
    find_service_configs,
    read_service_config,
)
from platform_sim.errors import ServiceConfigError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _ReadFile:
    """A .serviceconfig file as it was when it was read."""

    modified_ns: int
    size: int
    services: tuple[InstalledService, ...] = ()
    problem: str = ""


class ServiceCatalog:
    """Looks into the plug-in folders at every question, so that new plug-ins are found at once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = list(folders)
        self._read_files: dict[Path, _ReadFile] = {}

    def add_folder(self, folder: Path) -> None:
        """Adds a folder to look into."""
        self._folders.append(folder)

    def installed(self, interface: str = "", service_class: str = "") -> Iterator[InstalledService]:
        """Yields the installed services that fit a filter."""
        for read in self._read_all():
            for installed in read.services:
                if installed.service.matches(interface, service_class):
                    yield installed

    def problems(self) -> list[str]:
        """Returns what keeps files from being read, each with the file's name."""
        return [read.problem for read in self._read_all() if read.problem]

    def _read_all(self) -> Iterator[_ReadFile]:
        for file in find_service_configs(self._folders):
            read = self._read(file)
            if read is not None:
                yield read

    def _read(self, file: Path) -> _ReadFile | None:
        """Reads a file again only when it changed; one that cannot be read has no services."""
        try:
            status = file.stat()
        except OSError:
            return None
        known = self._read_files.get(file)
        if known and (known.modified_ns, known.size) == (status.st_mtime_ns, status.st_size):
            return known
        try:
            services = tuple(read_service_config(file))
            read = _ReadFile(status.st_mtime_ns, status.st_size, services)
        except ServiceConfigError as error:
            _logger.warning("Skipped: %s", error)
            read = _ReadFile(status.st_mtime_ns, status.st_size, problem=str(error))
        self._read_files[file] = read
        return read
