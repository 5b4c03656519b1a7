"""What a server needs of a driver, whichever base the driver has."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Protocol

from device_sim.base.driver import Driver
from device_sim.base.folder import DriverFolder
from device_sim.base.instrument import Surroundings
from device_sim.base.overview import AttributeFacts, OpenSession
from device_sim.base.sessions import SessionTable
from device_sim.base.wire import Fields
from device_sim.call import Call
from device_sim.faults import Faults


class ServedDriver(Protocol):
    """A driver, loaded."""

    folder: DriverFolder
    """Its data."""

    name: str
    """NI's Python package."""

    interface: str
    """The full name of the gRPC service."""

    protobuf: Any
    """The module with its messages."""

    descriptor: Any
    """The descriptor of the service."""

    @property
    def rpcs(self) -> list[str]:
        """All calls of the service, in the order of its .proto file."""
        ...

    def simulates(self, rpc: str) -> bool:
        """Return whether the simulation serves `rpc`, instead of refusing it."""
        ...

    def uses_bench(self, rpc: str) -> bool:
        """Return whether `rpc` measures or changes the bench if the instrument is wired."""
        ...

    def describe_attributes(self) -> list[AttributeFacts]:
        """Return its attributes, by name."""
        ...

    def serve_in(
        self, sessions: SessionTable[OpenSession], surroundings: Surroundings, faults: Faults
    ) -> ServedCalls:
        """Return the calls of this driver within a server."""
        ...


class ServedCalls(Protocol):
    """The calls of one driver within a server."""

    @property
    def driver(self) -> ServedDriver:
        """The driver."""
        ...

    def serve(self, rpc: str, request: Any, call: Call) -> Fields:
        """Answer a call.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        ...

    def stream(self, rpc: str, request: Any, call: Call) -> Iterator[Fields]:
        """Yield the answers of a call that has a stream of them.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        ...


def load_driver(folder: DriverFolder) -> ServedDriver:
    """Return the driver in a folder. This imports NI's package for it, which takes long."""
    if folder.has_own_base:
        driver: ServedDriver = importlib.import_module(f"{folder.module}.driver").load(folder)
        return driver
    return Driver(folder)
