"""The drivers of this package, loaded."""

from __future__ import annotations

from device_sim.base.serving import load_driver
from device_sim.drivers import list_folders

DRIVERS = {folder.name: load_driver(folder) for folder in list_folders()}
DCPOWER = DRIVERS["nidcpower"]
DMM = DRIVERS["nidmm"]
