"""Simulated instruments behind NI's gRPC device protocol.

Start a `DeviceServer` in your own program or test. It has the `bench`, the `faults` and the
`sessions`. `DeviceControl` reaches those of a server in another process, such as `device-sim serve`
or `platform-sim up`. `list_models` returns the instruments that can be simulated.
"""

from __future__ import annotations

from device_sim.client import DeviceControl
from device_sim.clock import Clock, ManualClock, SystemClock
from device_sim.errors import BenchError, DeviceSimError, NoDriverError
from device_sim.faults import FaultInfo, Faults
from device_sim.inventory import ModelInfo, SessionInfo, list_models
from device_sim.nets import NetDrive, NetDriver
from device_sim.server import DeviceServer

__all__ = [
    "BenchError",
    "Clock",
    "DeviceControl",
    "DeviceServer",
    "DeviceSimError",
    "FaultInfo",
    "Faults",
    "ManualClock",
    "ModelInfo",
    "NetDrive",
    "NetDriver",
    "NoDriverError",
    "SessionInfo",
    "SystemClock",
    "list_models",
]
