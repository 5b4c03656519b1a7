"""NI-DAQmx within a server: its tasks by name, and the calls on them and on the hardware."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from device_sim.base.folder import DriverFolder
from device_sim.base.instrument import Surroundings
from device_sim.base.overview import AttributeFacts, OpenSession
from device_sim.base.service import Method, snake_case
from device_sim.base.sessions import SessionTable
from device_sim.base.wire import Fields, session_field, session_name
from device_sim.call import Call
from device_sim.drivers.nidaqmx.attributes import AttributeTable
from device_sim.drivers.nidaqmx.described import describe
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.drivers.nidaqmx.names import device_of
from device_sim.drivers.nidaqmx.physics import make_calls
from device_sim.drivers.nidaqmx.system import System
from device_sim.drivers.nidaqmx.task import Task
from device_sim.errors import DriverError
from device_sim.faults import Faults


def load(folder: DriverFolder) -> TaskDriver:
    """Return the driver in this folder."""
    return TaskDriver(folder)


class TaskDriver:
    """NI-DAQmx: its messages, and the methods that serve its calls.

    A method gets the task of its call, or the hardware if the call has no task.

    Args:
        folder: Its data.
    """

    def __init__(self, folder: DriverFolder) -> None:
        self.folder = folder
        self.name = folder.name
        self.interface = folder.interface
        self.protobuf = importlib.import_module(folder.protobuf)
        services = self.protobuf.DESCRIPTOR.services_by_name
        self.descriptor = services[folder.interface.rpartition(".")[2]]
        self.table = AttributeTable(self.protobuf, folder.read("attributes.toml"))
        self._tables: Mapping[str, Any] = folder.read("calls.toml")
        self._calls = make_calls(self.table, self._tables)

    @property
    def rpcs(self) -> list[str]:
        """All calls of the service, in the order of its .proto file."""
        return [method.name for method in self.descriptor.methods]

    def find(self, rpc: str) -> Method | None:
        """Return the method that serves a call, None if there is none."""
        for calls in self._calls:
            method: Method | None = getattr(calls, snake_case(rpc), None)
            by_rule = getattr(calls, "find", None)
            method = method or (by_rule(self.descriptor.methods_by_name[rpc]) if by_rule else None)
            if method is not None:
                return method
        return None

    def simulates(self, rpc: str) -> bool:
        """Return whether the simulation serves `rpc`, instead of refusing it."""
        opens_or_ends = rpc in self.folder.initialisers or rpc == self.folder.closer
        return opens_or_ends or self.find(rpc) is not None

    def uses_bench(self, rpc: str) -> bool:
        """Return whether `rpc` measures or changes the bench if its channels are wired."""
        return rpc in self._tables.get("bench", ())

    def describe_attributes(self) -> list[AttributeFacts]:
        """Return its properties, by group and name."""
        return describe(self.table, self._tables, self.folder.models)

    def serve_in(
        self, sessions: SessionTable[OpenSession], surroundings: Surroundings, faults: Faults
    ) -> TaskCalls:
        """Return the calls of this driver within a server."""
        system = System(self.table, surroundings.bench)
        return TaskCalls(self, sessions, Hardware(surroundings, self.table, system), faults)


@dataclass(frozen=True, slots=True)
class _Served:
    """The method of one call, and whether it is one on a task."""

    method: Method
    has_task: bool


class TaskCalls:
    """Serve the calls within a server.

    Args:
        driver: The driver.
        sessions: The sessions of all drivers.
        hardware: The devices of the server.
        faults: The faults of the server.
    """

    def __init__(
        self,
        driver: TaskDriver,
        sessions: SessionTable[OpenSession],
        hardware: Hardware,
        faults: Faults,
    ) -> None:
        self.driver = driver
        self._sessions = sessions
        self._hardware = hardware
        self._faults = faults
        self._served = {
            each.name: _Served(
                driver.find(each.name) or _refuse(each.name), bool(session_field(each.input_type))
            )
            for each in driver.descriptor.methods
        }

    def serve(self, rpc: str, request: Any, call: Call) -> Fields:
        """Answer a call.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        if rpc in self.driver.folder.initialisers:
            return self._create(request)
        if rpc == self.driver.folder.closer:
            self._remove(session_name(request)).close()
            return {}
        owner, served = self._owner_of(rpc, request), self._served[rpc]
        self._faults.before_call(_concerned(owner, request), rpc, call)
        with self._hardware.present():
            _make_ready(owner)
            return served.method(owner, request, call) or {}

    def stream(self, rpc: str, request: Any, call: Call) -> Iterator[Fields]:
        """Yield the answers of a call that has a stream of them.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        owner, served = self._owner_of(rpc, request), self._served[rpc]
        self._faults.before_call(_concerned(owner, request), rpc, call)
        with self._hardware.present():
            _make_ready(owner)
            answers = served.method(owner, request, call)
        try:
            while True:
                with self._hardware.present():
                    fields = next(answers, None)
                if fields is None:
                    return
                yield fields
        finally:
            with self._hardware.present():
                answers.close()

    def _owner_of(self, rpc: str, request: Any) -> Task | Hardware:
        if not self._served[rpc].has_task:
            return self._hardware
        name = session_name(request)
        found = self._sessions.get(name, self.driver.name, unknown=ERRORS.INVALID_TASK)
        return cast("Task", found)

    def _create(self, request: Any) -> Fields:
        opened = self._sessions.open(
            request.session_name,
            request.initialization_behavior,
            self.driver.name,
            lambda: Task(request.session_name, self._hardware),
        )
        return {"task": {"name": opened.name}, "new_session_initialized": opened.created}

    def _remove(self, name: str) -> Task:
        return cast(
            "Task", self._sessions.remove(name, self.driver.name, unknown=ERRORS.INVALID_TASK)
        )


_NAMING = ("device_name", "physical_channel", "lines", "counter")
"""The fields of requests that name devices or their channels."""


def _concerned(owner: Task | Hardware, request: Any) -> Iterator[str]:
    """Yield the names that a fault may have for a call to fail: its task and its devices."""
    if isinstance(owner, Task):
        yield owner.name
        yield from owner.devices
    for field in _NAMING:
        yield from (device_of(name) for name in getattr(request, field, "").split(","))


def _make_ready(owner: Task | Hardware) -> None:
    """Bring the task of a call to the present.

    Raises:
        DriverError: Another call has just cleared it.
    """
    if isinstance(owner, Task):
        if owner.is_closed:
            raise DriverError(ERRORS.INVALID_TASK)
        owner.catch_up()


def _refuse(rpc: str) -> Method:
    def method(owner: Task | Hardware, request: Any, call: Call) -> None:
        raise DriverError(ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, f"Not simulated: {rpc}")

    return method
