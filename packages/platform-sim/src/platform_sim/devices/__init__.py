"""Simulated instruments behind NI's gRPC device protocol.

`DeviceServer` is the server; `platform_sim.devices.inventory` lists models and sessions, and
`platform_sim.devices.control` reaches the bench of a server in another process.
"""

from __future__ import annotations

from platform_sim.devices.clock import ManualClock, SystemClock
from platform_sim.devices.control import DeviceControl
from platform_sim.devices.errors import BenchError, DeviceError
from platform_sim.devices.faults import Faults
from platform_sim.devices.inventory import ModelInfo, SessionInfo, list_models
from platform_sim.devices.server import DeviceServer

__all__ = [
    "BenchError",
    "DeviceControl",
    "DeviceError",
    "DeviceServer",
    "Faults",
    "ManualClock",
    "ModelInfo",
    "SessionInfo",
    "SystemClock",
    "list_models",
]
