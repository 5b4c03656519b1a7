"""The services that run now."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from platform_sim.discovery.versions import UNSET_VERSION, effective_version
from platform_sim.errors import InvalidRequestError, NotKnownError

_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """What a service says of itself."""

    display_name: str
    """Name to show to users."""
    service_class: str
    """Concrete type of the service; unique for a service."""
    provided_interfaces: tuple[str, ...]
    """Full names of the gRPC services."""
    version: str = ""
    """major.minor.patch, "" when the service has none."""
    description_url: str = ""
    """Where the service is described."""
    annotations: dict[str, str] = field(default_factory=dict)
    """Free texts by key."""

    @property
    def effective_version(self) -> str:
        """The version by which the service is found."""
        return effective_version(self.version)

    def matches(self, interface: str, service_class: str) -> bool:
        """Tells whether the service fits a filter; an empty filter fits all."""
        return (not interface or interface in self.provided_interfaces) and (
            not service_class or service_class == self.service_class
        )


@dataclass(frozen=True, slots=True)
class Location:
    """Where a service listens."""

    host: str
    """IP address or DNS name."""
    insecure_port: str
    """Port for plain HTTP/2, "" when there is none."""
    ssl_authenticated_port: str = ""
    """Port for TLS, "" when there is none."""

    @property
    def port(self) -> int:
        """A port to connect to."""
        return int(self.insecure_port or self.ssl_authenticated_port)


@dataclass(frozen=True, slots=True)
class Registration:
    """A running service."""

    registration_id: str
    """Given at registration; ends it."""
    service: ServiceDescription
    """What runs."""
    location: Location
    """Where it runs."""
    is_built_in: bool = False
    """True for the platform's own services, which live as long as it does."""


class ServiceRegistry:
    """The registrations, in the order in which they came."""

    def __init__(self) -> None:
        self._registrations: dict[str, Registration] = {}

    def register(
        self, service: ServiceDescription, location: Location, *, is_built_in: bool = False
    ) -> Registration:
        """Adds a running service.

        A registration of the same class and version at the same location is replaced: the same
        process says so again.

        Raises:
            InvalidRequestError: A required field is empty or a port is not a port.
        """
        _check_service(service)
        _check_location(location)
        for old in list(self._registrations.values()):
            if (
                old.location == location
                and old.service.service_class == service.service_class
                and old.service.effective_version == service.effective_version
            ):
                self.discard(old)
        registration = Registration(str(uuid.uuid4()), service, location, is_built_in)
        self._registrations[registration.registration_id] = registration
        return registration

    def unregister(self, registration_id: str) -> Registration:
        """Ends a registration.

        Raises:
            NotKnownError: There is no such registration.
        """
        registration = self._registrations.pop(registration_id, None)
        if registration is None:
            raise NotKnownError(f"No service is registered with id {registration_id!r}.")
        return registration

    def discard(self, registration: Registration) -> None:
        """Ends a registration if it still stands."""
        self._registrations.pop(registration.registration_id, None)

    def matching(self, interface: str = "", service_class: str = "") -> Iterator[Registration]:
        """Yields the registrations that fit a filter, newest first."""
        for registration in reversed(list(self._registrations.values())):
            if registration.service.matches(interface, service_class):
                yield registration


def _check_service(service: ServiceDescription) -> None:
    for name, value in (
        ("display_name", service.display_name),
        ("provided_interfaces", service.provided_interfaces),
        ("service_class", service.service_class),
    ):
        if not value or (isinstance(value, tuple) and not all(value)):
            raise InvalidRequestError(f"service_description.{name} must not be empty.")
    if service.version == UNSET_VERSION:
        raise InvalidRequestError(
            f"Version {UNSET_VERSION} stands for a service without a version; give another."
        )


def _check_location(location: Location) -> None:
    if not location.host:
        raise InvalidRequestError("location.location must not be empty.")
    ports = {
        "insecure_port": location.insecure_port,
        "ssl_authenticated_port": location.ssl_authenticated_port,
    }
    if not any(ports.values()):
        raise InvalidRequestError("One of the location's ports must be given.")
    for name, port in ports.items():
        is_port = port.isascii() and port.isdigit() and 0 < int(port) <= _LARGEST_PORT
        if port and not is_port:
            raise InvalidRequestError(f"location.{name} {port!r} is not a port number.")
