"""The base class of a driver, and the calls of a driver within a server.

A folder under `drivers/` is a driver. NI's package for it brings the protobuf module. The folder
adds models, sessions and calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any

from device_sim.base.attributes import AttributeTable
from device_sim.base.instrument import InstrumentSession, Surroundings
from device_sim.base.models import ModelCatalog
from device_sim.base.options import Options, parse_options
from device_sim.base.service import DriverService, Fields, refuse
from device_sim.base.sessions import SessionTable
from device_sim.call import Call
from device_sim.errors import DEVICE_NOT_RECOGNISED, DriverError
from device_sim.faults import Faults


class Driver(ABC):
    """One NI instrument driver.

    Args:
        protobuf: The generated module of the driver's package, such as `nidcpower_pb2`.
        service_name: The service in it, such as `NiDCPower`.
    """

    table: AttributeTable
    service: DriverService
    models: ModelCatalog[Any]
    initializers: frozenset[str]
    """RPCs that open a session."""

    def __init__(self, protobuf: ModuleType, service_name: str) -> None:
        self.protobuf = protobuf
        self.descriptor = protobuf.DESCRIPTOR.services_by_name[service_name]
        self.interface: str = self.descriptor.full_name
        self.name = protobuf.__name__.partition(".")[0]

    @property
    def rpcs(self) -> list[str]:
        """All calls of the service, in the order of its .proto file."""
        return [method.name for method in self.descriptor.methods]

    @abstractmethod
    def open(
        self, rpc: str, request: Any, options: Options, surroundings: Surroundings
    ) -> InstrumentSession:
        """Open a session.

        Raises:
            DriverError: The driver refuses the request.
        """

    def simulates(self, rpc: str) -> bool:
        """Return whether the simulation serves `rpc`, instead of refusing it."""
        return rpc in self.initializers or rpc == "Close" or self.service.find(rpc) is not None


class DriverCalls:
    """Serve one driver's calls within a server.

    Args:
        driver: The driver.
        sessions: The sessions of all drivers.
        surroundings: Clock and bench of the server.
        faults: The faults of the server.
    """

    def __init__(
        self,
        driver: Driver,
        sessions: SessionTable[InstrumentSession],
        surroundings: Surroundings,
        faults: Faults,
    ) -> None:
        self.driver = driver
        self._sessions = sessions
        self._surroundings = surroundings
        self._faults = faults
        self._methods = {rpc: driver.service.find(rpc) or refuse(rpc) for rpc in driver.rpcs}

    def serve(self, rpc: str, request: Any, call: Call) -> Fields:
        """Answer a call.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        if rpc in self.driver.initializers:
            return self._open(rpc, request)
        if rpc == "Close":
            self._sessions.remove(_name(request), self.driver.name).close()
            return {}
        session = self._sessions.get(_name(request), self.driver.name)
        try:
            self._faults.before_call(session.channels.devices, rpc, call)
            with session.lock:
                session.catch_up()
                fields = self._methods[rpc](session, request, call) or {}
                session.catch_up()
                return fields
        except DriverError as error:
            session.error = (error.code, error.description)
            raise

    def _open(self, rpc: str, request: Any) -> Fields:
        def create() -> InstrumentSession:
            if not request.resource_name.strip():
                raise DriverError(
                    DEVICE_NOT_RECOGNISED, f"Invalid Identifier: {request.resource_name}"
                )
            options = parse_options(getattr(request, "option_string", ""))
            return self.driver.open(rpc, request, options, self._surroundings)

        opened = self._sessions.open(
            request.session_name, request.initialization_behavior, self.driver.name, create
        )
        return {"vi": {"name": opened.name}, "new_session_initialized": opened.created}


def _name(request: Any) -> str:
    # Unknown names and NI's old numeric handles are invalid handles.
    name: str = request.vi.name
    return name
