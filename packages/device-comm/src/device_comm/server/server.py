"""Assemble the device server from a session host, the devices, their service and its announcer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from session_sharing.ni import DiscoveryAnnouncer, DiscoveryName
from session_sharing.printing import say
from session_sharing.server import AuditTrail, HostOptions, SessionHost, StateFile

from device_comm import device_comm_service_pb2 as pb
from device_comm import device_comm_service_pb2_grpc
from device_comm.names import DEVICE_SERVER, KIND
from device_comm.server.bench_lines import BenchAddress
from device_comm.server.device import DeviceKind
from device_comm.server.lines import Lines, MemoryLines
from device_comm.server.register_map import MapRoots
from device_comm.server.servicer import DeviceCommunicationServicer


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a device server runs. `roots` and `state_file` are enough."""

    roots: MapRoots
    """Folders for register maps."""
    state_file: Path
    """File by which programs of the same user find the server."""
    host: HostOptions = field(default_factory=HostOptions)
    """Listeners, identities and limits. Use it to accept other hosts, or other identities."""
    bench: BenchAddress | None = None
    """The simulated bench whose nets the GPIO lines are. Use it when simulated instruments are to
    measure what the lines switch; without it, the lines are in memory."""
    discovery: bool = True
    """Register with NI discovery. Turn it off in tests, and when another server is registered."""
    audit: Path | None = None
    """File to which the server appends every session event. Use it when you must be able to find
    out which identity did what."""
    stop_with_starter: bool = False
    """Stop when standard input is closed. Use it when the server is a child process."""


def build_host(options: ServerOptions) -> SessionHost:
    """Return the host of a device server. Call this in the event loop that will run it."""

    def make_lines(name: str) -> Lines:
        return MemoryLines() if options.bench is None else options.bench.lines_of(name)

    host = SessionHost({KIND: DeviceKind(options.roots, make_lines)}, options.host)
    host.add_service(
        device_comm_service_pb2_grpc.add_DeviceCommunicationServicer_to_server,
        DeviceCommunicationServicer(host.registry, host.executor),
        pb.DESCRIPTOR.services_by_name["DeviceCommunication"].full_name,
    )
    return host


async def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM or Ctrl-C, and print one line when ready.

    Raises:
        SessionSharingError: Another server uses the state file, or a listener cannot be opened.
    """
    state = StateFile(options.state_file)
    state.claim()
    with contextlib.ExitStack() as stack:
        stack.callback(state.remove)
        host = build_host(options)
        if options.audit is not None:
            trail = stack.enter_context(AuditTrail(options.audit))
            stack.callback(host.registry.events.listen(trail.note))
        if options.discovery:
            host.add_announcer(DiscoveryAnnouncer(_discovery_name(), state.path))

        def publish() -> None:
            state.publish(host)
            say(f"{DEVICE_SERVER.program} is ready at {' and '.join(host.targets)}")

        await host.run(publish, stop_with_starter=options.stop_with_starter)


def _discovery_name() -> DiscoveryName:
    return DiscoveryName(
        DEVICE_SERVER.discovery_interface,
        DEVICE_SERVER.discovery_class,
        display_name="Device communication service",
        version=version("measurement-device-communication"),
    )
