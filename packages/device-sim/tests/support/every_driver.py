"""The drivers of this package, loaded."""

from __future__ import annotations

from device_sim.base.driver import Driver
from device_sim.drivers import list_folders

DRIVERS = {folder.name: Driver(folder) for folder in list_folders()}
DCPOWER = DRIVERS["nidcpower"]
DMM = DRIVERS["nidmm"]
