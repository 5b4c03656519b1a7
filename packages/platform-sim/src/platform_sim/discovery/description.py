"""The data of a service: its description and its location."""

from __future__ import annotations

from dataclasses import dataclass, field

from platform_sim.discovery.versions import effective_version


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """The description of a service, as it registers it or as its .serviceconfig file has it."""

    display_name: str
    """Name to show to users."""
    service_class: str
    """Service class: the concrete type of the service, unique among services."""
    provided_interfaces: tuple[str, ...]
    """Full names of the gRPC services."""
    version: str = ""
    """major.minor.patch, "" if the service has no version."""
    description_url: str = ""
    """URL of a page that describes the service."""
    annotations: dict[str, str] = field(default_factory=dict)
    """Any texts, by key."""

    @property
    def effective_version(self) -> str:
        """The version by which the service is found."""
        return effective_version(self.version)

    def matches(self, interface: str, service_class: str) -> bool:
        """Return whether the service matches a filter. An empty filter matches all."""
        return (not interface or interface in self.provided_interfaces) and (
            not service_class or service_class == self.service_class
        )


@dataclass(frozen=True, slots=True)
class Location:
    """The address at which a service listens."""

    host: str
    """IP address or DNS name."""
    insecure_port: str
    """Port for plain HTTP/2, "" if there is none."""
    ssl_authenticated_port: str = ""
    """Port for TLS, "" if there is none."""

    @property
    def port(self) -> int:
        """The port to connect to."""
        return int(self.insecure_port or self.ssl_authenticated_port)
