"""The gRPC service of discovery: decode requests, call the directory, encode answers."""

from __future__ import annotations

from typing import Any

import grpc.aio
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as pb
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc

from platform_sim.callers import CallerFinder
from platform_sim.discovery.activation import Activator
from platform_sim.discovery.description import Location, ServiceDescription
from platform_sim.discovery.directory import LOCAL_NODE_URL, ServiceDirectory
from platform_sim.discovery.registry import Registration, ServiceRegistry
from platform_sim.errors import InvalidRequestError

PID_KEY = "platform-sim/pid"
"""Annotation in EnumerateActiveServices only: process id of a service that discovery started."""
CHANGED_FILE_KEY = "platform-sim/changed-file"
"""Annotation in EnumerateActiveServices only: a service file that changed after its start."""

Context = grpc.aio.ServicerContext[Any, Any]


class DiscoveryServicer(discovery_service_pb2_grpc.DiscoveryServiceServicer):
    """All RPCs of ni.measurementlink.discovery.v1.DiscoveryService."""

    def __init__(
        self,
        registry: ServiceRegistry,
        directory: ServiceDirectory,
        activator: Activator,
        callers: CallerFinder,
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._activator = activator
        self._callers = callers

    async def RegisterService(  # noqa: N802
        self, request: pb.RegisterServiceRequest, context: Context
    ) -> pb.RegisterServiceResponse:
        """Add a running service."""
        owner = await self._callers.find(context.peer())
        if self._registry.is_full():
            await self._directory.drop_dead()
        registration = self._registry.register(
            self._activator.with_version(_decode_description(request.service_description)),
            _decode_location(request.location),
            owner,
        )
        self._activator.note_registration(registration)
        return pb.RegisterServiceResponse(registration_id=registration.registration_id)

    async def UnregisterService(  # noqa: N802
        self, request: pb.UnregisterServiceRequest, context: Context
    ) -> pb.UnregisterServiceResponse:
        """End a registration."""
        self._registry.unregister(request.registration_id)
        return pb.UnregisterServiceResponse()

    async def EnumerateServices(  # noqa: N802
        self, request: pb.EnumerateServicesRequest, context: Context
    ) -> pb.EnumerateServicesResponse:
        """List the services that run or can be started, one entry for each class."""
        available, unreachable = await self._directory.enumerate(
            request.provided_interface, request.service_class
        )
        return pb.EnumerateServicesResponse(
            available_services=[_encode(one.service, one.versions) for one in available],
            unreachable=unreachable,
        )

    async def ResolveService(  # noqa: N802
        self, request: pb.ResolveServiceRequest, context: Context
    ) -> pb.ServiceLocation:
        """Return the address of a service. Start it first if it does not run."""
        return _encode_location((await self._resolve(request)).location)

    async def ResolveServiceWithInformation(  # noqa: N802
        self, request: pb.ResolveServiceWithInformationRequest, context: Context
    ) -> pb.ResolveServiceWithInformationResponse:
        """Return the address of a service, and its description."""
        registration = await self._resolve(request)
        return pb.ResolveServiceWithInformationResponse(
            service_location=_encode_location(registration.location),
            service_descriptor=_encode_running(registration),
        )

    async def EnumerateComputeNodes(  # noqa: N802
        self, request: pb.EnumerateComputeNodesRequest, context: Context
    ) -> pb.EnumerateComputeNodesResponse:
        """List the only node: this machine."""
        return pb.EnumerateComputeNodesResponse(
            compute_nodes=[pb.ComputeNodeDescriptor(url=LOCAL_NODE_URL, is_local=True)]
        )

    async def EnumerateActiveServices(  # noqa: N802
        self, request: pb.EnumerateActiveServicesRequest, context: Context
    ) -> pb.EnumerateActiveServicesResponse:
        """List the running services with their locations."""
        active = await self._directory.active(request.provided_interface, request.service_class)
        return pb.EnumerateActiveServicesResponse(
            active_services=[
                pb.ActiveServiceInformation(
                    service_descriptor=self._encode_process(one),
                    service_location=_encode_location(one.location),
                )
                for one in active
            ]
        )

    def _encode_process(self, registration: Registration) -> pb.ServiceDescriptor:
        descriptor = _encode_running(registration)
        process = self._activator.process_of(registration)
        if process is not None:
            pid, changed = process
            descriptor.annotations[PID_KEY] = str(pid)
            if changed is not None:
                descriptor.annotations[CHANGED_FILE_KEY] = str(changed)
        return descriptor

    async def _resolve(
        self, request: pb.ResolveServiceRequest | pb.ResolveServiceWithInformationRequest
    ) -> Registration:
        return await self._directory.resolve(
            request.provided_interface,
            request.service_class,
            request.version,
            request.deployment_target,
        )


def _decode_description(message: pb.ServiceDescriptor) -> ServiceDescription:
    if len(message.versions) > 1:
        raise InvalidRequestError("service_description.versions must have at most one version.")
    return ServiceDescription(
        display_name=message.display_name,
        service_class=message.service_class,
        provided_interfaces=tuple(message.provided_interfaces),
        version=message.versions[0] if message.versions else "",
        description_url=message.description_url,
        annotations=dict(message.annotations),
    )


def _decode_location(message: pb.ServiceLocation) -> Location:
    return Location(message.location, message.insecure_port, message.ssl_authenticated_port)


def _encode(service: ServiceDescription, versions: tuple[str, ...]) -> pb.ServiceDescriptor:
    return pb.ServiceDescriptor(
        display_name=service.display_name,
        description_url=service.description_url,
        provided_interfaces=service.provided_interfaces,
        service_class=service.service_class,
        annotations=service.annotations,
        versions=versions,
    )


def _encode_running(registration: Registration) -> pb.ServiceDescriptor:
    version = registration.service.version
    return _encode(registration.service, (version,) if version else ())


def _encode_location(location: Location) -> pb.ServiceLocation:
    return pb.ServiceLocation(
        location=location.host,
        insecure_port=location.insecure_port,
        ssl_authenticated_port=location.ssl_authenticated_port,
    )
