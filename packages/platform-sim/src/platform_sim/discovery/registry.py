"""The services that run now."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from platform_sim.callers import Caller
from platform_sim.discovery.description import Location, ServiceDescription
from platform_sim.discovery.own_services import ALWAYS_OWN, own_name_in
from platform_sim.discovery.versions import UNSET_VERSION
from platform_sim.errors import (
    AlreadyKnownError,
    InvalidRequestError,
    LimitReachedError,
    NotKnownError,
)

_LARGEST_PORT = 65535
_LONGEST_HOST = 255
_MOST_SERVICES = 1000
_MOST_CHARACTERS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Registration:
    """A running service."""

    registration_id: str
    """The id that discovery gave at the registration. It ends the registration."""
    service: ServiceDescription
    """Description of the service."""
    location: Location
    """Address of the service."""
    owner: Caller | None = None
    """The process that registered it, None if the system does not show it."""
    is_built_in: bool = False
    """True for the platform's own services, which live as long as the platform."""


class ServiceRegistry:
    """The registrations, oldest first.

    Args:
        own: Classes and interfaces of the platform's own services. Nobody else may register them.
    """

    def __init__(self, own: Collection[str] = ALWAYS_OWN) -> None:
        self._own = own
        self._registrations: dict[str, Registration] = {}

    def add_built_in(self, service: ServiceDescription, location: Location) -> Registration:
        """Add one of the platform's own services."""
        return self._add(Registration(str(uuid.uuid4()), service, location, is_built_in=True))

    def register(
        self, service: ServiceDescription, location: Location, owner: Caller | None = None
    ) -> Registration:
        """Add a running service.

        It replaces a registration of the same class and version if that one's process ended, or
        if the process registers the same location again.

        Args:
            service: Description of the service.
            location: Address at which the service listens.
            owner: The process that registers it, None if the system does not show it.

        Raises:
            InvalidRequestError: A required field is empty, a port is no port number, or the
                description is too long.
            AlreadyKnownError: The service is one of the platform's own, or another running process
                has registered it.
            LimitReachedError: The registry has the largest number of services.
        """
        _check_service(service)
        _check_location(location)
        own_name = own_name_in(service, self._own)
        if own_name:
            raise AlreadyKnownError(
                f"{own_name} is a name of the platform's own services. Choose another name."
            )
        replaced = self._replaced(service, location, owner)
        if self.is_full() and not replaced:
            raise LimitReachedError(
                f"{_MOST_SERVICES} services are registered already. End some of them first."
            )
        for old in replaced:
            self.discard(old)
        return self._add(Registration(str(uuid.uuid4()), service, location, owner))

    def is_full(self) -> bool:
        """Return whether the number of services, without the platform's own, is at its limit."""
        count = sum(not one.is_built_in for one in self._registrations.values())
        return count >= _MOST_SERVICES

    def _add(self, registration: Registration) -> Registration:
        self._registrations[registration.registration_id] = registration
        return registration

    def _replaced(
        self, service: ServiceDescription, location: Location, owner: Caller | None
    ) -> list[Registration]:
        """Return the registrations that a new one of the same class and version replaces."""
        same = [
            old
            for old in self._registrations.values()
            if old.service.service_class == service.service_class
            and old.service.effective_version == service.effective_version
        ]
        ended = [old for old in same if old.owner is not None and not old.owner.is_alive()]
        for old in same:
            if old.owner and old not in ended and not old.owner.is_same_process(owner):
                raise AlreadyKnownError(
                    f"{service.service_class} is already registered by {old.owner}. End that "
                    "process first, or give the new service another version."
                )
        return [old for old in same if old in ended or old.location == location]

    def unregister(self, registration_id: str) -> Registration:
        """End a registration.

        Raises:
            NotKnownError: No registration has this id.
        """
        registration = self._registrations.pop(registration_id, None)
        if registration is None:
            raise NotKnownError(f"No service is registered with id {registration_id!r}.")
        return registration

    def discard(self, registration: Registration) -> None:
        """End a registration if it has not ended yet."""
        self._registrations.pop(registration.registration_id, None)

    def matching(self, interface: str = "", service_class: str = "") -> Iterator[Registration]:
        """Yield the registrations that match a filter, newest first."""
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
    if _characters_of(service) > _MOST_CHARACTERS:
        raise InvalidRequestError(
            f"service_description has more than {_MOST_CHARACTERS // 1024} KiB of text; shorten it."
        )
    if service.version == UNSET_VERSION:
        raise InvalidRequestError(
            f"Version {UNSET_VERSION} means a service without a version. Choose another version."
        )


def _check_location(location: Location) -> None:
    if not location.host or len(location.host) > _LONGEST_HOST:
        raise InvalidRequestError("location.location must be an address or the name of a machine.")
    ports = {
        "insecure_port": location.insecure_port,
        "ssl_authenticated_port": location.ssl_authenticated_port,
    }
    if not any(ports.values()):
        raise InvalidRequestError("The location must have an insecure or a TLS port.")
    for name, port in ports.items():
        is_port = port.isascii() and port.isdigit() and 0 < int(port) <= _LARGEST_PORT
        if port and not is_port:
            raise InvalidRequestError(
                f"location.{name} {port!r} is not a port number. Use a number from 1 to 65535."
            )


def _characters_of(service: ServiceDescription) -> int:
    names = (service.display_name, service.service_class, service.version, service.description_url)
    pairs = (text for pair in service.annotations.items() for text in pair)
    return sum(map(len, (*names, *service.provided_interfaces, *pairs)))
