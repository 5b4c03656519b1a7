"""Run a small discovery service in the test's process, for the plug-ins that the test starts.

NI's service runs on Windows only, and measurement-platform-sim depends on this package. So the
tests use neither. This service speaks NI's protocol over real gRPC, and only keeps registrations.
"""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as pb
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc

SERVICE_CLASS = "plugin_kit.tests.Plain"
"""Service class of the plug-in of these tests."""

SUPPORT = Path(__file__).parent
RUN_PLUGIN = SUPPORT / "run_plugin.py"


class PlainDiscovery(discovery_service_pb2_grpc.DiscoveryServiceServicer):
    """A discovery service that knows the registered services."""

    def __init__(self) -> None:
        self.address = ""
        self._ids = itertools.count()
        self._registered: dict[str, pb.RegisterServiceRequest] = {}

    def RegisterService(self, request, context):
        registration_id = str(next(self._ids))
        self._registered[registration_id] = request
        return pb.RegisterServiceResponse(registration_id=registration_id)

    def UnregisterService(self, request, context):
        del self._registered[request.registration_id]
        return pb.UnregisterServiceResponse()

    def EnumerateServices(self, request, context):
        found = [one.service_description for one in self._registered.values()]
        wanted = [one for one in found if request.service_class in ("", one.service_class)]
        return pb.EnumerateServicesResponse(available_services=wanted)

    def EnumerateActiveServices(self, request, context):
        active = [
            pb.ActiveServiceInformation(
                service_descriptor=one.service_description, service_location=one.location
            )
            for one in self._registered.values()
        ]
        return pb.EnumerateActiveServicesResponse(active_services=active)

    def ResolveService(self, request, context):
        for one in self._registered.values():
            if one.service_description.service_class == request.service_class:
                return one.location
        return context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.service_class}")

    def program(self, module: str) -> tuple[str, ...]:
        """Return the arguments of ``python`` that run a plug-in which finds this discovery."""
        return (str(RUN_PLUGIN), self.address, module)


@contextmanager
def running_discovery() -> Iterator[PlainDiscovery]:
    discovery = PlainDiscovery()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    discovery_service_pb2_grpc.add_DiscoveryServiceServicer_to_server(discovery, server)
    discovery.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield discovery
    finally:
        server.stop(None).wait()


def environment(folder: Path = SUPPORT) -> dict[str, str]:
    """Return an environment in which Python finds the plug-ins of a folder."""
    paths = [str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def has_ipv6_loopback() -> bool:
    """Return whether this machine has [::1], at which NI's SDK listens."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
