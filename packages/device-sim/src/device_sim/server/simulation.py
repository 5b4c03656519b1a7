"""Build the handlers of a device server from its bench and drivers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import grpc

from device_sim.base.driver import DriverCalls
from device_sim.base.files import FileRoots
from device_sim.base.instrument import InstrumentSession, Surroundings
from device_sim.base.sessions import SessionTable
from device_sim.bench import Bench
from device_sim.clock import Clock
from device_sim.drivers import load_drivers
from device_sim.server.bench_file import load_bench
from device_sim.server.bench_service import BenchServicer
from device_sim.server.handlers import HandlerCollector
from device_sim.server.reflection import SHARED_SERVICES, add_reflection
from device_sim.server.transport import generic_handler
from device_sim.v1 import bench_pb2_grpc


class Simulation:
    """The drivers of one server on their bench.

    Args:
        bench: A bench file, None for instruments without wiring.
        clock: The clock of the instruments.
        sessions: The sessions of all drivers.
        files: The files that clients may use.

    Raises:
        BenchError: The bench file has an error.
    """

    def __init__(
        self,
        bench: Path | None,
        clock: Clock,
        sessions: SessionTable[InstrumentSession],
        files: FileRoots,
    ) -> None:
        drivers = list(load_drivers())
        self.bench = load_bench(bench, clock, drivers) if bench else Bench(clock)
        surroundings = Surroundings(clock, self.bench, files)
        calls = [DriverCalls(each, sessions, surroundings, self.bench.faults) for each in drivers]
        services = HandlerCollector()
        services.add_generic_rpc_handlers(map(generic_handler, calls))
        bench_pb2_grpc.add_BenchServicer_to_server(
            BenchServicer(self.bench, sessions),
            services,  # type: ignore[arg-type]  # stands in for a server
        )
        add_reflection([*(each.interface for each in drivers), *SHARED_SERVICES], services)
        self.handlers: Sequence[grpc.GenericRpcHandler] = services.generic
