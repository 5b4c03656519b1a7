"""The simulated drivers, one in each folder.

A server announces and describes them by their data files. It loads a driver at its first call.
A driver whose package of NI is not installed is left out. No other module needs to know a folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from device_sim.base.folder import DriverFolder


def list_folders() -> list[DriverFolder]:
    """Return the drivers whose package of NI is installed. This loads none of them."""
    return [folder for folder in _folders() if folder.is_installed()]


def list_interfaces() -> list[str]:
    """Return the gRPC services of the installed drivers, such as `nidmm_grpc.NiDmm`."""
    return [folder.interface for folder in list_folders()]


def missing_drivers() -> dict[str, str]:
    """Return the gRPC services of the drivers that are not installed, with the extra for each."""
    return {folder.interface: folder.extra for folder in _folders() if not folder.is_installed()}


def missing_models() -> dict[str, str]:
    """Return the models of the drivers that are not installed, each with the extra for it."""
    missing = [folder for folder in _folders() if not folder.is_installed()]
    return {number: folder.extra for folder in missing for number in folder.models.rows}


def _folders() -> Iterator[DriverFolder]:
    for place in __path__:
        for file in sorted(Path(place).glob("*/driver.toml")):
            yield _folder(file.parent)


@cache
def _folder(path: Path) -> DriverFolder:
    return DriverFolder(path, f"{__name__}.{path.name}")
