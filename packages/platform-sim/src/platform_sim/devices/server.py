"""The simulated NI gRPC Device Server."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import session_pb2_grpc

from platform_sim.devices.bench import Bench
from platform_sim.devices.clock import Clock, SystemClock
from platform_sim.devices.control import ControlService
from platform_sim.devices.driver import Driver, DriverCalls, load_drivers
from platform_sim.devices.faults import Faults
from platform_sim.devices.instrument import InstrumentSession, Surroundings
from platform_sim.devices.inventory import SessionInfo, describe_sessions
from platform_sim.devices.sessions import SessionTable
from platform_sim.devices.transport import generic_handler
from platform_sim.devices.utilities import SessionUtilitiesServicer

_MAX_THREADS = 512  # Calls that wait (events, hung devices) hold one each; started on demand.


class DeviceServer:
    """Serves simulated instruments to unmodified NI drivers.

    Args:
        bench: A bench file that says what the instruments are wired to. Without one they
            answer as NI's own simulated devices do.
        clock: Where time comes from; tests may pass a ManualClock.
        drivers: What to serve; without it all drivers of this package.

    Raises:
        BenchError: The bench file makes no sense.
    """

    def __init__(
        self,
        bench: Path | None = None,
        *,
        clock: Clock | None = None,
        drivers: Sequence[Driver] | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.bench = Bench.load(bench, self.clock) if bench else Bench(self.clock)
        self._sessions: SessionTable[InstrumentSession] = SessionTable()
        self._drivers = list(drivers) if drivers is not None else list(load_drivers())
        self._server: grpc.Server | None = None

    @property
    def faults(self) -> Faults:
        """Faults to ask for."""
        return self.bench.faults

    @property
    def interfaces(self) -> list[str]:
        """Names of the driver services, as registered with discovery."""
        return [driver.interface for driver in self._drivers]

    @property
    def sessions(self) -> list[SessionInfo]:
        """The open sessions."""
        return describe_sessions(self._sessions)

    def start(self, address: str = "127.0.0.1:0") -> int:
        """Listen.

        Args:
            address: Host and port; port 0 means any free one.

        Returns:
            The port.

        Raises:
            RuntimeError: The address cannot be bound, or the server runs already.
        """
        if self._server is not None:
            raise RuntimeError("this device server has been started already")
        server = grpc.server(
            ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="device-server"),
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
        )
        surroundings = Surroundings(self.clock, self.bench)
        for driver in self._drivers:
            calls = DriverCalls(driver, self._sessions, surroundings, self.faults)
            server.add_generic_rpc_handlers((generic_handler(calls),))
        control = ControlService(self.bench, self._sessions)
        server.add_generic_rpc_handlers((control.generic_handler(),))
        session_pb2_grpc.add_SessionUtilitiesServicer_to_server(
            SessionUtilitiesServicer(self._sessions), server
        )
        port = server.add_insecure_port(address)
        server.start()
        self._server = server
        return port

    def stop(self, grace: float = 0.0) -> None:
        """Refuse new calls, give those under way `grace` seconds, close all sessions."""
        if self._server is None:
            return
        self._server.stop(grace).wait()
        self._server = None
        for session in self._sessions.clear():
            session.close()
