"""The device server: what it listens with, and the services that it has."""

from device_sim.server.device_server import DeviceServer

__all__ = ["DeviceServer"]
