"""The names of the platform's own services, which plug-ins may not use."""

from __future__ import annotations

from collections.abc import Collection

from platform_sim.discovery.description import ServiceDescription

DISCOVERY_INTERFACE = "ni.measurementlink.discovery.v1.DiscoveryService"
PIN_MAP_INTERFACE = "ni.measurementlink.pinmap.v1.PinMapService"
SESSION_MANAGEMENT_INTERFACE = "ni.measurementlink.sessionmanagement.v1.SessionManagementService"
SEQUENCES_INTERFACE = "platform_sim.v1.Sequences"
DEVICE_SERVER_CLASS = "ni.measurementlink.v1.grpcdeviceserver"

ALWAYS_OWN = frozenset(
    {DISCOVERY_INTERFACE, PIN_MAP_INTERFACE, SESSION_MANAGEMENT_INTERFACE, SEQUENCES_INTERFACE}
)
"""Classes and interfaces that no plug-in may have on any platform."""


def own_name_in(service: ServiceDescription, own: Collection[str]) -> str:
    """Return the class or interface that a service has from the platform's own, "" if none.

    Args:
        service: The description that a plug-in gives.
        own: The platform's own classes and interfaces.
    """
    names = (service.service_class, *service.provided_interfaces)
    return next((name for name in names if name in own), "")
