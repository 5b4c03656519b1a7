"""Assemble the logger from a session host, the log kind, its services and its announcer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from json_logger_proto import json_logger_pb2, json_logger_pb2_grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2, json_logger_ext_pb2_grpc
from json_logger_proto.names import DISCOVERY_CLASS, DISCOVERY_INTERFACE, KIND
from session_sharing.ni import DiscoveryAnnouncer, DiscoveryName
from session_sharing.server import AuditTrail, HostOptions, SessionHost, StateFile, TcpListener

from json_logger_server.json_log import Durability, FileLimits
from json_logger_server.log_kind import JsonLogKind
from json_logger_server.metrics import serving_metrics
from json_logger_server.services.extension import ExtensionServicer
from json_logger_server.services.reference import ReferenceServicer
from json_logger_server.services.rotating import rotate_all
from json_logger_server.shared_memory import shared_memory
from json_logger_server.storage.disk import Disk
from json_logger_server.storage.paths import LogRoots

if TYPE_CHECKING:
    from json_logger_server.store import Forwarder, StoreOptions

_LAST_COPYING = 5.0
"""Seconds in which a server that stops still copies records to its store."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a logger runs. `roots` and `state_file` are enough."""

    roots: LogRoots
    """Folders for log files."""
    state_file: Path
    """File by which programs of the same user find the server."""
    host: HostOptions = field(default_factory=HostOptions)
    """Listeners, identities and limits. Use it to accept other hosts, or other identities."""
    durability: Durability = Durability.FLUSHED
    """The event that an acknowledged record survives. Use `DURABLE` when no record may be lost at a
    power loss."""
    files: FileLimits = field(default_factory=FileLimits)
    """When a log is rotated, and how long rotated files are kept. Use it for logs without an
    end."""
    discovery: bool = True
    """Register with NI discovery. Turn it off in tests, and when another logger is registered."""
    audit: Path | None = None
    """File to which the server appends every session event. Use it when you must be able to find
    out which identity did what."""
    metrics: TcpListener | None = None
    """Where Prometheus can read the counters. Use it when a monitoring system watches the
    station."""
    stop_with_starter: bool = False
    """Stop when standard input is closed. Use it when the server is a child process."""
    store: StoreOptions | None = None
    """The store to which the server copies its logs. Use it when the records of many stations must
    be in one database."""
    disk: Disk | None = None
    """The system calls that change a log. Use it in tests, to make a disk fail."""


def build_host(options: ServerOptions, forwarder: Forwarder | None = None) -> SessionHost:
    """Return the host of a logger. Call this in the event loop that will run it.

    Args:
        options: How the logger runs.
        forwarder: Copies the logs to a store.
    """
    loop = asyncio.get_running_loop()
    kind = JsonLogKind(
        options.roots, loop, options.durability, options.disk, options.files, forwarder
    )
    host = SessionHost({KIND: kind}, options.host)
    if forwarder is not None:
        for name, read in forwarder.figures.gauges().items():
            host.counters.gauge(name, read)
    for name in ("records", "bytes", "groups"):
        host.counters.sum(f"{name}_written", partial(getattr, kind.totals, name))
    memory = shared_memory()
    host.counters.sum("bytes_by_memory", lambda: memory.bytes)
    host.add_service(
        json_logger_pb2_grpc.add_JsonLoggerServicer_to_server,
        ReferenceServicer(host.registry),
        json_logger_pb2.DESCRIPTOR.services_by_name["JsonLogger"].full_name,
        data_methods=["LogMeasurementData"],
    )
    host.add_service(
        json_logger_ext_pb2_grpc.add_JsonLoggerExtServicer_to_server,
        ExtensionServicer(host.registry, host.draining, host.executor, options.roots, memory),
        json_logger_ext_pb2.DESCRIPTOR.services_by_name["JsonLoggerExt"].full_name,
        data_methods=["Append", "AppendStream"],
    )
    return host


async def serve(options: ServerOptions) -> None:
    """Serve until SIGTERM or Ctrl-C, and print one line when ready. SIGHUP rotates the open logs.

    Raises:
        SessionSharingError: Another server uses the state file, or a listener cannot be opened.
    """
    state = StateFile(options.state_file)
    state.claim()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(state.remove)
        forwarder = _forwarder(options)
        if forwarder is not None:
            forwarder.start()
            stack.callback(forwarder.stop, _LAST_COPYING)
        host = build_host(options, forwarder)
        if options.audit is not None:
            trail = stack.enter_context(AuditTrail(options.audit))
            stack.callback(host.registry.events.listen(trail.note))
        if options.metrics is not None:
            await stack.enter_async_context(serving_metrics(options.metrics, host.counters))
        if options.discovery:
            host.add_announcer(DiscoveryAnnouncer(_discovery_name(), state.path))

        def publish() -> None:
            state.publish(host)
            _say(f"json-logger is ready at {' and '.join(host.targets)}")

        await host.run(
            publish,
            stop_with_starter=options.stop_with_starter,
            on_hangup=partial(rotate_all, host.registry),
        )


def _forwarder(options: ServerOptions) -> Forwarder | None:
    """Return what copies the logs to the store, if the server has one."""
    if options.store is None:
        return None
    from json_logger_server.store import Forwarder  # needs psycopg

    return Forwarder(options.store, options.roots.folders)


def _say(text: str) -> None:
    """Print a line. It is no error if the reader of standard output has ended."""
    try:
        print(text, flush=True)  # noqa: T201
    except OSError:
        # Otherwise Python would try to write the line again when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _discovery_name() -> DiscoveryName:
    return DiscoveryName(
        DISCOVERY_INTERFACE,
        DISCOVERY_CLASS,
        display_name="JSON logger",
        version=version("json-logger-server"),
    )
