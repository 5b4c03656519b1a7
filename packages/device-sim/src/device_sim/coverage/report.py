"""Say for each driver which calls and attributes are served, and at which depth."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum

from device_sim.base.overview import AttributeFacts
from device_sim.base.serving import ServedDriver, load_driver
from device_sim.coverage.python_calls import rpcs_by_method
from device_sim.drivers import list_folders
from device_sim.inventory import ModelInfo, list_models


class Depth(str, Enum):
    """How far a call is simulated."""

    BENCH = "from the bench"
    """If the instrument is wired, the call measures or changes the bench."""

    SIMULATION = "as NI's simulation"
    """The call does the same with and without a bench."""

    REFUSED = "refused"
    """The call returns the driver's own error."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """One call of a driver's gRPC service."""

    name: str
    """The RPC."""

    depth: Depth
    """How far it is simulated."""

    methods: tuple[str, ...]
    """The methods of the Python class that make the call."""

    unverified: str
    """What no public document says about it; empty if nothing."""


@dataclass(frozen=True, slots=True)
class AttributeReport(AttributeFacts):
    """One attribute of a driver."""

    unverified: str
    """What no public document says about it; empty if nothing."""


@dataclass(frozen=True, slots=True)
class DriverReport:
    """What is simulated of one driver."""

    driver: str
    """NI's Python package."""

    extra: str
    """The extra of this distribution that installs it."""

    counts: Mapping[str, int]
    """The number of calls by depth."""

    models: tuple[ModelInfo, ...]
    """The instruments."""

    methods: Mapping[str, list[str]]
    """The calls that each method of the Python classes makes. A method without one works in the
    client; one that NI's package refuses over gRPC has its own name here."""

    calls: tuple[CallReport, ...]
    """All calls, in the order of the service."""

    attributes: tuple[AttributeReport, ...]
    """All attributes, by name."""

    errors: Mapping[str, str]
    """What no public document says about errors, by their name."""

    def depth(self, rpc: str) -> Depth | None:
        """Return how far a call is simulated, None if the service has no such call."""
        return next((call.depth for call in self.calls if call.name == rpc), None)


def reports() -> list[DriverReport]:
    """Return what is simulated of each installed driver. This loads all of them."""
    return [_report(load_driver(folder)) for folder in list_folders()]


def as_json() -> str:
    """Return the reports as JSON: a list with an object for each driver."""
    return json.dumps([asdict(report) for report in reports()], indent=2)


def _report(driver: ServedDriver) -> DriverReport:
    methods = rpcs_by_method(importlib.import_module(driver.name))
    calls = _calls(driver, methods)
    found = Counter(call.depth for call in calls)
    return DriverReport(
        driver=driver.name,
        extra=driver.folder.extra,
        counts={depth.value: found[depth] for depth in Depth},
        models=tuple(info for info in list_models() if info.driver == driver.name),
        methods=methods,
        calls=calls,
        attributes=_attributes(driver),
        errors={
            name: item["unverified"]
            for name, item in driver.folder.read("errors.toml").items()
            if "unverified" in item
        },
    )


def _calls(driver: ServedDriver, methods: Mapping[str, list[str]]) -> tuple[CallReport, ...]:
    unverified = driver.folder.read("calls.toml").get("unverified", {})
    return tuple(
        CallReport(
            name=rpc,
            depth=_depth(driver, rpc),
            methods=tuple(method for method, rpcs in methods.items() if rpc in rpcs),
            unverified=unverified.get(rpc, ""),
        )
        for rpc in driver.rpcs
    )


def _depth(driver: ServedDriver, rpc: str) -> Depth:
    if not driver.simulates(rpc):
        return Depth.REFUSED
    return Depth.BENCH if driver.uses_bench(rpc) else Depth.SIMULATION


def _attributes(driver: ServedDriver) -> tuple[AttributeReport, ...]:
    unverified = driver.folder.read("attributes.toml").get("unverified", {})
    return tuple(
        AttributeReport(**asdict(facts), unverified=unverified.get(facts.name, ""))
        for facts in driver.describe_attributes()
    )
