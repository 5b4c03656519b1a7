"""What services say of themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from platform_sim.discovery.versions import effective_version


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
