"""The simulated NI gRPC Device Server."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import session_pb2_grpc
from session_sharing.same_user import SameUserRule

from device_sim.base.files import FileRoots, default_folders
from device_sim.base.instrument import InstrumentSession
from device_sim.base.sessions import SessionTable
from device_sim.clock import Clock, SystemClock
from device_sim.drivers import list_interfaces, missing_extras
from device_sim.errors import NoDriverError
from device_sim.faults import Faults
from device_sim.inventory import SessionInfo, describe_sessions
from device_sim.server.same_user import SameUserInterceptor
from device_sim.server.utilities import SessionUtilitiesServicer

if TYPE_CHECKING:
    from device_sim.bench import Bench
    from device_sim.server.simulation import Simulation

_MAX_THREADS = 512  # Calls that wait (events, hung devices) hold one each; started on demand.

_LARGEST_REQUEST = 128 * 2**20  # Bytes; sequences of millions of values fit.


class DeviceServer:
    """Serves simulated instruments to unmodified NI drivers.

    Args:
        bench: A bench file that says what the instruments are wired to. Without one they
            answer as NI's own simulated devices do.
        clock: Where time comes from; tests may pass a ManualClock.
        file_roots: Folders in which clients may have attribute configurations read and written,
            beside the present one and a temporary one of the server's own.
        allows_other_users: Whether to answer other users of this machine, too; else they get
            PERMISSION_DENIED, where the system tells whose a connection is (Linux).

    Raises:
        BenchError: The bench file makes no sense.
        NoDriverError: NI's Python package of no driver is installed.
    """

    def __init__(
        self,
        bench: Path | None = None,
        *,
        clock: Clock | None = None,
        file_roots: Sequence[Path] = (),
        allows_other_users: bool = False,
    ) -> None:
        if not self.interfaces:
            raise NoDriverError(
                "No driver can be simulated, because NI's Python package of none is installed. "
                "Install 'measurement-device-sim[all]', or an extra for each driver: "
                f"{', '.join(missing_extras())}."
            )
        self.clock: Clock = clock or SystemClock()
        self._bench_file = bench
        self._sessions: SessionTable[InstrumentSession] = SessionTable()
        self._files = FileRoots([*default_folders(), *file_roots])
        self._rule = SameUserRule(allows_other_users=allows_other_users)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._loading = threading.Lock()
        self._simulation: Simulation | None = None
        self._server: grpc.Server | None = None
        if bench is not None:
            self._load()  # its mistakes are told now, not to the first client

    @property
    def bench(self) -> Bench:
        """What the instruments are wired to."""
        return self._load().bench

    @property
    def faults(self) -> Faults:
        """Faults to ask for."""
        return self.bench.faults

    @property
    def interfaces(self) -> list[str]:
        """Names of the driver services, as registered with discovery."""
        return list_interfaces()

    @property
    def sessions(self) -> list[SessionInfo]:
        """The open sessions."""
        return describe_sessions(self._sessions)

    @property
    def file_roots(self) -> list[Path]:
        """The folders in which clients may have attribute configurations read and written.

        The last is the server's own while it runs; it is removed with its files at the stop.
        """
        return list(self._files.folders)

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
            interceptors=[SameUserInterceptor(self._rule)],
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _LARGEST_REQUEST),
            ],
        )
        session_pb2_grpc.add_SessionUtilitiesServicer_to_server(
            SessionUtilitiesServicer(self._sessions), server
        )
        server.add_generic_rpc_handlers((_OnDemand(self._load),))
        port = server.add_insecure_port(address)
        self._rule.listens_at(address.rpartition(":")[0].strip("[]"), port)
        self._temporary = tempfile.TemporaryDirectory(prefix="device-server-")
        self._files.folders.append(Path(os.path.realpath(self._temporary.name)))
        server.start()
        self._server = server
        return port

    def stop(self, grace: float = 0.0) -> None:
        """Refuse new calls, give those under way `grace` seconds, close all sessions."""
        if self._server is None:
            return
        self._server.stop(grace).wait()
        self._rule.close()
        self._server = None
        for session in self._sessions.clear():
            session.close()
        if self._temporary is not None:
            self._files.folders.pop()
            self._temporary.cleanup()
            self._temporary = None

    def _load(self) -> Simulation:
        """The simulation; made when it is first asked for."""
        with self._loading:
            if self._simulation is None:
                # NI's packages and numpy take longer to import than a platform to start, and
                # pin maps and sequences without instruments never need them.
                from device_sim.server.simulation import Simulation

                self._simulation = Simulation(
                    self._bench_file, self.clock, self._sessions, self._files
                )
            return self._simulation


class _OnDemand(grpc.GenericRpcHandler):
    """Hands calls to the simulation, which the first of them loads.

    Args:
        load: Returns the simulation.
    """

    def __init__(self, load: Callable[[], Simulation]) -> None:
        self._load = load

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return what answers the call, or None if there is no such method."""
        answers = (h.service(handler_call_details) for h in self._load().handlers)
        return next((answer for answer in answers if answer is not None), None)
