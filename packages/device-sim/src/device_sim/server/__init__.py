"""The device server: its listener and its services."""

from device_sim.server.device_server import DeviceServer

__all__ = ["DeviceServer"]
