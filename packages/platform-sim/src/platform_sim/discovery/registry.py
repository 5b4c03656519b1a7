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
    """Given at registration; ends it."""
    service: ServiceDescription
    """What runs."""
    location: Location
    """Where it runs."""
    owner: Caller | None = None
    """The process that registered it, None when it is not known."""
    is_built_in: bool = False
    """True for the platform's own services, which live as long as it does."""


class ServiceRegistry:
    """The registrations, in the order in which they came.

    Args:
        own: Classes and interfaces of the platform's own services, which nobody else may register.
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
        """Adds a running service.

        A registration of the same class and version is replaced when its process ended, or says so
        again for the same location.

        Args:
            service: What runs.
            location: Where it listens.
            owner: The process that registers it, None when it is not known.

        Raises:
            InvalidRequestError: A required field is empty, a port is not a port, or all is too
                long.
            AlreadyKnownError: It is one of the platform's own services, or another process that
                still runs has registered it.
            LimitReachedError: There are as many services as there may be.
        """
        _check_service(service)
        _check_location(location)
        own_name = own_name_in(service, self._own)
        if own_name:
            raise AlreadyKnownError(f"{own_name} is the platform's own; give another name.")
        replaced = self._replaced(service, location, owner)
        if self.is_full() and not replaced:
            raise LimitReachedError(
                f"{_MOST_SERVICES} services are registered already; end some first."
            )
        for old in replaced:
            self.discard(old)
        return self._add(Registration(str(uuid.uuid4()), service, location, owner))

    def is_full(self) -> bool:
        """Tell whether there are as many services as there may be, beside the platform's own."""
        count = sum(not one.is_built_in for one in self._registrations.values())
        return count >= _MOST_SERVICES

    def _add(self, registration: Registration) -> Registration:
        self._registrations[registration.registration_id] = registration
        return registration

    def _replaced(
        self, service: ServiceDescription, location: Location, owner: Caller | None
    ) -> list[Registration]:
        """Return the registrations that a new one of the same class and version takes over."""
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
                    f"{service.service_class} is registered by {old.owner}. End that process "
                    "first, or give the new one another version."
                )
        return [old for old in same if old in ended or old.location == location]

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
    if _characters_of(service) > _MOST_CHARACTERS:
        raise InvalidRequestError(
            f"service_description has more than {_MOST_CHARACTERS // 1024} KiB of text; shorten it."
        )
    if service.version == UNSET_VERSION:
        raise InvalidRequestError(
            f"Version {UNSET_VERSION} stands for a service without a version; give another."
        )


def _check_location(location: Location) -> None:
    if not location.host or len(location.host) > _LONGEST_HOST:
        raise InvalidRequestError("location.location must be an address or the name of a machine.")
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


def _characters_of(service: ServiceDescription) -> int:
    names = (service.display_name, service.service_class, service.version, service.description_url)
    pairs = (text for pair in service.annotations.items() for text in pair)
    return sum(map(len, (*names, *service.provided_interfaces, *pairs)))
