"""A driver made of its folder, and the calls of a driver within a server."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

from device_sim.base.attributes import AttributeTable
from device_sim.base.capabilities import Capability
from device_sim.base.common_calls import CommonCalls
from device_sim.base.error_table import ErrorTable
from device_sim.base.folder import DriverFolder
from device_sim.base.instrument import InstrumentSession, Opening, Surroundings
from device_sim.base.models import Model, ModelCatalog
from device_sim.base.options import Options, parse_options
from device_sim.base.overview import AttributeFacts, OpenSession
from device_sim.base.resources import STYLES, first_device
from device_sim.base.service import DriverService, Method, refuse
from device_sim.base.sessions import SessionTable
from device_sim.base.wire import Fields, renamed, session_field, session_name
from device_sim.call import Call
from device_sim.errors import DEVICE_NOT_RECOGNISED, DriverError
from device_sim.faults import Faults


@dataclass(frozen=True, slots=True)
class Physics:
    """The Python code of a driver: PHYSICS in the module `physics` of its folder."""

    session: type[InstrumentSession]
    """The class of its sessions."""

    calls: tuple[object, ...] = ()
    """Objects whose methods serve the calls of the same names, in snake case."""

    model: type[Model] = Model
    """The class of its models."""

    choose_model: Callable[[ModelCatalog[Any], Any, Options, str | None], Any] = (
        lambda models, request, options, wired: models.choose(options, wired)
    )
    """Return the model for a session, given the models, the request, its options, and the model
    that the bench file gives the instrument."""


class Driver:
    """One NI instrument driver.

    Args:
        folder: Its data. NI's package for it brings the messages.
    """

    def __init__(self, folder: DriverFolder) -> None:
        self.folder = folder
        self.name = folder.name
        self.interface = folder.interface
        package = importlib.import_module(folder.package)
        importlib.import_module(f"{folder.package}.session")
        self.protobuf = importlib.import_module(folder.protobuf)
        services = self.protobuf.DESCRIPTOR.services_by_name
        self.descriptor = services[folder.interface.rpartition(".")[2]]
        self._physics: Physics = importlib.import_module(f"{folder.module}.physics").PHYSICS
        attributes = folder.read("attributes.toml")
        self.table = AttributeTable.load(package, attributes)
        self._features: Mapping[str, list[str]] = attributes.get("features", {})
        self._errors = ErrorTable(folder.path)
        unknown = getattr(self._errors, folder.unknown_model)
        self.models = ModelCatalog(folder.models, self._make_model, unknown)
        common = CommonCalls(self._errors)
        tables = folder.read("calls.toml")
        self.service = DriverService(*self._physics.calls, common, tables=tables)
        self._capabilities = {
            name: Capability(facts) for name, facts in folder.capabilities.items()
        }

    @property
    def rpcs(self) -> list[str]:
        """All calls of the service, in the order of its .proto file."""
        return [method.name for method in self.descriptor.methods]

    def simulates(self, rpc: str) -> bool:
        """Return whether the simulation serves `rpc`, instead of refusing it."""
        opens_or_ends = rpc in self.folder.initialisers or rpc == self.folder.closer
        return opens_or_ends or self.service.find(rpc) is not None

    def uses_bench(self, rpc: str) -> bool:
        """Return whether `rpc` measures or changes the bench if the instrument is wired."""
        return self.service.uses_bench(rpc)

    def describe_attributes(self) -> list[AttributeFacts]:
        """Return its attributes, by name."""
        models = self.models.models.values()
        return [
            AttributeFacts(
                name=attribute.name,
                type=attribute.kind,
                owner=attribute.capability or attribute.scope.value,
                read_only=attribute.read_only,
                models=tuple(m.number for m in models if attribute.name not in m.lacks),
            )
            for attribute in sorted(self.table, key=lambda attribute: attribute.name)
        ]

    def serve_in(
        self, sessions: SessionTable[OpenSession], surroundings: Surroundings, faults: Faults
    ) -> DriverCalls:
        """Return the calls of this driver within a server."""
        return DriverCalls(self, sessions, surroundings, faults)

    def open(self, rpc: str, request: Any, surroundings: Surroundings) -> InstrumentSession:
        """Open a session. All its instruments are of one model.

        Raises:
            DriverError: The driver refuses the request.
        """
        if not (request.resource_name.strip() or self.folder.allows_no_name):
            raise DriverError(DEVICE_NOT_RECOGNISED, f"Invalid Identifier: {request.resource_name}")
        options = parse_options(getattr(request, "option_string", ""))
        wired = surroundings.bench.model_of(first_device(request.resource_name))
        model: Model = self._physics.choose_model(self.models, request, options, wired)
        style = self.folder.initialisers[rpc]
        session = self._physics.session(
            Opening(
                package=self.folder.package,
                table=self.table,
                capabilities=self._capabilities,
                missing_feature=getattr(self._errors, self.folder.missing_feature),
                model=model,
                channels=STYLES[style](request, model.channels, options),
                style=style,
                resource=request.resource_name,
                options=options,
                surroundings=surroundings,
            )
        )
        if getattr(request, "reset", False) or getattr(request, "reset_device", False):
            session.reset()
        return session

    def _make_model(self, number: str) -> Model:
        book = self.folder.models
        row = book.rows[number]
        kind = self._physics.model
        features = frozenset(row.get("features", ()))
        defaults = row.get("defaults", {}).items()
        common = {
            "number": number,
            "full_name": book.full_name(number),
            "channels": book.channel_names(number),
            "features": features,
            "defaults": {name: self.table[name].parse(value) for name, value in defaults},
            "lacks": self._without(features),
            "steps": row.get("steps", {}),
            "limits": row.get("limits", {}),
            "constants": row.get("constants", {}),
        }
        return kind(**{**common, **kind.details(row, book.content)})

    def _without(self, present: frozenset[str]) -> frozenset[str]:
        """Return the names of the attributes of all features that a model lacks."""
        absent = [p for name, ps in self._features.items() if name not in present for p in ps]
        return frozenset(a.name for a in self.table if any(fnmatchcase(a.name, p) for p in absent))


@dataclass(frozen=True, slots=True)
class _Served:
    """The method of one call, and the names in its answer."""

    method: Method
    names: frozenset[str]


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
        sessions: SessionTable[OpenSession],
        surroundings: Surroundings,
        faults: Faults,
    ) -> None:
        self.driver = driver
        self._sessions = sessions
        self._surroundings = surroundings
        self._faults = faults
        self._served = {
            each.name: _Served(
                driver.service.find(each.name) or refuse(each.name),
                frozenset(field.name for field in each.output_type.fields),
            )
            for each in driver.descriptor.methods
        }

    def serve(self, rpc: str, request: Any, call: Call) -> Fields:
        """Answer a call.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        if rpc in self.driver.folder.initialisers:
            return self._open(rpc, request)
        if rpc == self.driver.folder.closer:
            self._sessions.remove(session_name(request), self.driver.name).close()
            return {}
        session = self._session_of(request)
        served = self._served[rpc]
        try:
            self._faults.before_call(session.channels.devices, rpc, call)
            with session.lock:
                session.catch_up()
                fields = served.method(session, request, call) or {}
                session.catch_up()
                session.timeline.wake()
                return renamed(fields, served.names)
        except DriverError as error:
            session.error = (error.code, error.description)
            raise

    def stream(self, rpc: str, request: Any, call: Call) -> Iterator[Fields]:
        """Yield the answers of a call that has a stream of them.

        Raises:
            DeviceSimError: The call failed. The subclass says how.
        """
        session = self._session_of(request)
        served = self._served[rpc]
        try:
            self._faults.before_call(session.channels.devices, rpc, call)
            with session.lock:
                session.catch_up()
                answers = served.method(session, request, call)
            while True:
                with session.lock:
                    fields = next(answers, None)
                if fields is None:
                    return
                yield renamed(fields, served.names)
        except DriverError as error:
            session.error = (error.code, error.description)
            raise

    def _session_of(self, request: Any) -> InstrumentSession:
        found = self._sessions.get(session_name(request), self.driver.name)
        return cast("InstrumentSession", found)

    def _open(self, rpc: str, request: Any) -> Fields:
        opened = self._sessions.open(
            request.session_name,
            request.initialization_behavior,
            self.driver.name,
            lambda: self.driver.open(rpc, request, self._surroundings),
        )
        answer = self.driver.descriptor.methods_by_name[rpc].output_type
        return {
            session_field(answer): {"name": opened.name},
            "new_session_initialized": opened.created,
        }
