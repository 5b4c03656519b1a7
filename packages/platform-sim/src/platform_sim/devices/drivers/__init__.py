"""The simulated drivers, one for each folder.

A folder says which INTERFACE it serves, and its module `driver` has the DRIVER: a server can
announce its interfaces before it loads what answers them. Nothing else needs to know of a folder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform_sim.devices.driver import Driver


def list_interfaces() -> list[str]:
    """The gRPC services of all drivers, such as `nidmm_grpc.NiDmm`; loads no driver."""
    return [importlib.import_module(folder).INTERFACE for folder in _folders()]


def load_drivers() -> Iterator[Driver]:
    """All drivers, with NI's Python packages for them and the physics of the bench."""
    for folder in _folders():
        driver: Driver = importlib.import_module(f"{folder}.driver").DRIVER
        yield driver


def _folders() -> list[str]:
    return [folder.name for folder in pkgutil.iter_modules(__path__, f"{__name__}.")]
