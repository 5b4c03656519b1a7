"""Answer requests to discovery from the running and the installed services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from platform_sim.discovery.activation import Activator
from platform_sim.discovery.catalog import ServiceCatalog
from platform_sim.discovery.description import Location, ServiceDescription
from platform_sim.discovery.registry import Registration, ServiceRegistry
from platform_sim.discovery.serviceconfig import InstalledService
from platform_sim.discovery.versions import UNSET_VERSION, effective_version, version_key
from platform_sim.errors import (
    AmbiguousRequestError,
    InvalidRequestError,
    NotKnownError,
)

_MOST_SHOWN = 3
_SIGN_OF_DRIVER = "_grpc."
"""Part of the interface of every driver of NI's device server, such as nidmm_grpc.NiDmm."""

LOCAL_NODE_URL = "localhost"
"""The only deployment target: this machine."""


@dataclass(frozen=True, slots=True)
class AvailableService:
    """A service class with all versions that run or can be started."""

    service: ServiceDescription
    """The description of the latest version."""
    versions: tuple[str, ...]
    """All versions, latest first, without the placeholder for "no version"."""


class ServiceDirectory:
    """Resolve and list services. Start a service that is installed but does not run."""

    def __init__(
        self,
        registry: ServiceRegistry,
        catalog: ServiceCatalog,
        activator: Activator,
        dead_among: Callable[[Iterable[Location]], Awaitable[set[Location]]],
        missing_drivers: Mapping[str, str],
    ) -> None:
        """Combine the running services with those that can be started.

        Args:
            registry: Running services.
            catalog: Services that can be started.
            activator: Start them.
            dead_among: Return the locations at which no process listens any more.
            missing_drivers: Drivers that could be simulated, by their interfaces, each with what
                to install for it.
        """
        self._registry = registry
        self._catalog = catalog
        self._activator = activator
        self._dead_among = dead_among
        self._missing_drivers = missing_drivers

    async def resolve(
        self, interface: str, service_class: str, version: str = "", deployment_target: str = ""
    ) -> Registration:
        """Return a running service. Start it first if it does not run.

        Args:
            interface: Full name of the gRPC service that is needed.
            service_class: Class of the service, "" for the only one that provides the interface.
            version: Version of the service, "" for the latest.
            deployment_target: Compute node, "" for this machine.

        Raises:
            InvalidRequestError: The interface is empty.
            NotKnownError: No service matches.
            AmbiguousRequestError: Services of several classes match.
            PluginStartError: The service could not be started.
        """
        if not interface:
            raise InvalidRequestError("provided_interface must not be empty.")
        if deployment_target not in ("", LOCAL_NODE_URL):
            raise NotKnownError(
                f"The compute node {deployment_target!r} does not exist. Leave it empty for this "
                "machine."
            )
        await self.drop_dead(interface, service_class)
        running = list(self._registry.matching(interface, service_class))
        installed = list(self._catalog.installed(interface, service_class))
        if not running and not installed:
            raise NotKnownError(self._nothing_provides(interface, service_class))
        _check_one_class(interface, running, installed)
        wanted = _choose_version(interface, version, running, installed)
        for registration in running:
            if registration.service.effective_version == wanted:
                return registration
        for candidate in installed:
            if candidate.service.effective_version == wanted:
                return await self._activator.start(candidate)
        raise NotKnownError(
            f"The service that provides {interface} in version {wanted} ended meanwhile. Try again."
        )

    async def enumerate(
        self, interface: str = "", service_class: str = ""
    ) -> tuple[list[AvailableService], list[str]]:
        """Return the available services, and the classes whose services no longer answer."""
        dropped = await self.drop_dead(interface, service_class)
        found: dict[str, list[ServiceDescription]] = {}
        for registration in self._registry.matching(interface, service_class):
            found.setdefault(registration.service.service_class, []).append(registration.service)
        for installed in self._catalog.installed(interface, service_class):
            found.setdefault(installed.service.service_class, []).append(installed.service)
        gone = {registration.service.service_class for registration in dropped} - found.keys()
        return [_available(descriptions) for descriptions in found.values()], sorted(gone)

    async def active(self, interface: str = "", service_class: str = "") -> list[Registration]:
        """Return the running services."""
        await self.drop_dead(interface, service_class)
        return list(self._registry.matching(interface, service_class))

    async def drop_dead(self, interface: str = "", service_class: str = "") -> list[Registration]:
        """End registrations at which no process listens any more, and return them."""
        self._activator.drop_dying()
        matching = self._registry.matching(interface, service_class)
        doubtful = [registration for registration in matching if not registration.is_built_in]
        locations = await self._dead_among(one.location for one in doubtful)
        dead = [one for one in doubtful if one.location in locations]
        for registration in dead:
            self._registry.discard(registration)
        return dead

    def _nothing_provides(self, interface: str, service_class: str) -> str:
        asked = f"{interface} (service class {service_class})" if service_class else interface
        text = (
            f"No service provides {asked}. List the services with 'platform-sim services'. "
            "Name plug-in folders with 'platform-sim up --plugins DIR'."
        )
        drivers = self._simulated_drivers()
        if _SIGN_OF_DRIVER in interface and drivers:
            text = f"{text} The device server simulates {', '.join(drivers)} only."
        if interface in self._missing_drivers:
            text = f"{text} To simulate this one, install {self._missing_drivers[interface]}."
        problems = self._catalog.problems()
        if problems:
            text += (
                f" {len(problems)} .serviceconfig files are ignored: "
                f"{'; '.join(problems[:_MOST_SHOWN])}"
            )
        return text

    def _simulated_drivers(self) -> list[str]:
        """Return the interfaces of the drivers that the platform's own device server has."""
        built_in = (one.service for one in self._registry.matching() if one.is_built_in)
        names = {name for service in built_in for name in service.provided_interfaces}
        return sorted(name for name in names if _SIGN_OF_DRIVER in name)


def _check_one_class(
    interface: str, running: list[Registration], installed: list[InstalledService]
) -> None:
    classes = sorted({one.service_class for one in _services(running, installed)})
    if len(classes) > 1:
        raise AmbiguousRequestError(
            f"{len(classes)} services provide {interface}. Name one of these service classes: "
            + ", ".join(classes)
        )


def _choose_version(
    interface: str, version: str, running: list[Registration], installed: list[InstalledService]
) -> str:
    versions = {one.effective_version for one in _services(running, installed)}
    if not version:
        return max(versions, key=version_key)
    wanted = effective_version(version)
    if wanted not in versions:
        there = ", ".join(sorted(versions, key=version_key))
        raise NotKnownError(f"{interface} has no version {version}. It has {there}.")
    return wanted


def _services(
    running: list[Registration], installed: list[InstalledService]
) -> list[ServiceDescription]:
    return [one.service for one in running] + [one.service for one in installed]


def _available(descriptions: list[ServiceDescription]) -> AvailableService:
    def key(description: ServiceDescription) -> tuple[tuple[int, ...], str]:
        return version_key(description.effective_version)

    versions = {one.effective_version for one in descriptions} - {UNSET_VERSION}
    return AvailableService(
        service=max(descriptions, key=key),
        versions=tuple(sorted(versions, key=version_key, reverse=True)),
    )
