"""The simulated drivers, one in each folder.

Each folder has the INTERFACE that it serves, the PACKAGE of NI that it needs, and the EXTRA of this
distribution that installs it. Its module `driver` has the DRIVER. So a server can announce its
interfaces before it loads the drivers. A driver whose package is not installed is left out. No
other module needs to know a folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from device_sim.base.driver import Driver


def list_interfaces() -> list[str]:
    """Return the gRPC services of the installed drivers, such as `nidmm_grpc.NiDmm`.

    This loads no driver.
    """
    return [folder.INTERFACE for folder in _folders() if _is_installed(folder)]


def load_drivers() -> Iterator[Driver]:
    """Load the installed drivers, with NI's Python packages and the bench."""
    for folder in filter(_is_installed, _folders()):
        driver: Driver = importlib.import_module(f"{folder.__name__}.driver").DRIVER
        yield driver


def missing_extras() -> list[str]:
    """Return the extras of this distribution whose drivers are not installed, such as `dmm`."""
    return [folder.EXTRA for folder in _folders() if not _is_installed(folder)]


def _folders() -> Iterator[ModuleType]:
    for folder in pkgutil.iter_modules(__path__, f"{__name__}."):
        yield importlib.import_module(folder.name)


def _is_installed(folder: ModuleType) -> bool:
    return importlib.util.find_spec(folder.PACKAGE) is not None
