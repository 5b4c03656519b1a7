"""Find the services that can be started, in the .serviceconfig files of the plug-in folders."""

from __future__ import annotations

import logging
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from platform_sim.discovery.own_services import ALWAYS_OWN, own_name_in
from platform_sim.discovery.serviceconfig import (
    TRUST_REMEDY,
    InstalledService,
    find_service_configs,
    read_service_config,
)
from platform_sim.errors import ServiceConfigError
from platform_sim.ownership import why_not_trusted

_logger = logging.getLogger(__name__)

_LARGEST_FILE = 2**20


@dataclass(frozen=True, slots=True)
class _ReadFile:
    """A .serviceconfig file and its content when it was read."""

    facts: tuple[int, int, str]
    """Time of the last change, size, and the reason why it is not trusted."""
    services: tuple[InstalledService, ...] = ()
    problem: str = ""


class ServiceCatalog:
    """Read the plug-in folders for each request, so that a new plug-in is found at once."""

    def __init__(
        self,
        folders: Sequence[Path],
        own: Collection[str] = ALWAYS_OWN,
        *,
        trusts_others: bool = False,
    ) -> None:
        """Make a catalog.

        Args:
            folders: Folders to search, with their subfolders.
            own: Classes and interfaces of the platform's own services. No file may use them.
            trusts_others: Whether to read files that other users could change.
        """
        self._folders = list(folders)
        self._own = own
        self._trusts_others = trusts_others
        self._read_files: dict[Path, _ReadFile] = {}

    def add_folder(self, folder: Path) -> None:
        """Add a folder to search."""
        self._folders.append(folder)

    def installed(self, interface: str = "", service_class: str = "") -> Iterator[InstalledService]:
        """Yield the installed services that match a filter."""
        for read in self._read_all():
            for installed in read.services:
                if installed.service.matches(interface, service_class):
                    yield installed

    def problems(self) -> list[str]:
        """Return the reasons why files cannot be read, each with the file's name."""
        return [read.problem for read in self._read_all() if read.problem]

    def counts(self) -> dict[Path, int]:
        """Return how many services each folder has. Warn about duplicates in other folders."""
        counts = dict.fromkeys(self._folders, 0)
        first: dict[tuple[str, str], Path] = {}
        for folder, file in self._files():
            read = self._read(file)
            for installed in read.services if read else ():
                counts[folder] += 1
                key = installed.service.service_class, installed.service.effective_version
                if first.setdefault(key, file) != file:
                    _logger.warning(
                        "%s: %s is ignored here, because it is started from %s.",
                        file,
                        key[0],
                        first[key],
                    )
        return counts

    def _read_all(self) -> Iterator[_ReadFile]:
        for _, file in self._files():
            read = self._read(file)
            if read is not None:
                yield read

    def _files(self) -> Iterator[tuple[Path, Path]]:
        """Yield each folder with its .serviceconfig files. Each file comes once."""
        found: dict[Path, Path] = {}
        for folder in self._folders:
            for file in find_service_configs(folder):
                found.setdefault(file, folder)
        for file, folder in found.items():
            yield folder, file

    def _read(self, file: Path) -> _ReadFile | None:
        """Read a file again only when it changed. A file that cannot be read has no services."""
        try:
            status = file.stat()
        except OSError:
            return None
        doubt = "" if self._trusts_others else why_not_trusted(file, TRUST_REMEDY)
        facts = status.st_mtime_ns, status.st_size, doubt
        known = self._read_files.get(file)
        if known and known.facts == facts:
            return known
        try:
            if doubt:
                raise ServiceConfigError(f"{file}: {doubt}")
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
                raise ServiceConfigError(
                    f"{file} must be a regular file of at most {_LARGEST_FILE} bytes."
                )
            services = tuple(read_service_config(file))
            for installed in services:
                own_name = own_name_in(installed.service, self._own)
                if own_name:
                    raise ServiceConfigError(
                        f"{file} uses {own_name}, a name of the platform's own services. Choose "
                        "another name."
                    )
            read = _ReadFile(facts, services)
        except ServiceConfigError as error:
            _logger.warning("A .serviceconfig file is ignored. %s", error)
            read = _ReadFile(facts, problem=str(error))
        self._read_files[file] = read
        return read
