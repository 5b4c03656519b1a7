"""The simulated NI gRPC Device Server."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import session_pb2_grpc
from session_sharing.same_user import SameUserRule

from device_sim.base.files import FileRoots, default_folders
from device_sim.base.instrument import Surroundings
from device_sim.base.overview import OpenSession
from device_sim.base.sessions import SessionTable
from device_sim.clock import Clock, SystemClock
from device_sim.drivers import list_folders, list_interfaces, missing_drivers
from device_sim.errors import NoDriverError
from device_sim.faults import Faults
from device_sim.inventory import SessionInfo, describe_sessions
from device_sim.server.bench_service import BenchServicer
from device_sim.server.driver_handlers import DriverHandler
from device_sim.server.reflection import ReflectionHandler
from device_sim.server.same_user import SameUserInterceptor
from device_sim.server.utilities import SessionUtilitiesServicer
from device_sim.v1 import bench_pb2_grpc

if TYPE_CHECKING:
    from device_sim.bench import Bench

_MAX_THREADS = 512  # Waiting calls (events, hanging devices) need one each; started on demand.

_LARGEST_REQUEST = 128 * 2**20  # Bytes; enough for sequences of millions of values.


class DeviceServer:
    """Serves simulated instruments to unmodified NI drivers.

    Args:
        bench: A bench file with the wiring of the instruments. Without it they
            answer as NI's own simulated devices do.
        clock: The clock of the instruments. Use a ManualClock in tests that compare readings
            with a closed form.
        file_roots: Folders in which clients may read and write attribute configurations, in
            addition to the present folder and a temporary one of the server's own.
        read_roots: Folders in which clients may read files of instruments, such as pin maps and
            patterns, but write none.
        allows_other_users: Whether to answer other users of this machine, too. Otherwise they get
            PERMISSION_DENIED, if the system shows which user a connection belongs to (Linux).

    Raises:
        BenchError: The bench file has an error.
        NoDriverError: No driver's Python package of NI is installed.
    """

    def __init__(
        self,
        bench: Path | None = None,
        *,
        clock: Clock | None = None,
        file_roots: Sequence[Path] = (),
        read_roots: Sequence[Path] = (),
        allows_other_users: bool = False,
    ) -> None:
        if not self.interfaces:
            raise NoDriverError(
                "No driver can be simulated, because no Python package of an NI driver is "
                "installed. "
                "Install 'measurement-device-sim[all]', or an extra for each driver: "
                f"{', '.join(missing_drivers().values())}."
            )
        self.clock: Clock = clock or SystemClock()
        self._bench_file = bench
        self._sessions: SessionTable[OpenSession] = SessionTable()
        self._files = FileRoots([*default_folders(), *file_roots], read_roots)
        self._rule = SameUserRule(allows_other_users=allows_other_users)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._loading = threading.Lock()
        self._surroundings: Surroundings | None = None
        self._server: grpc.Server | None = None
        if bench is not None:
            self._load()  # so that errors in the file appear now, not at the first call

    @property
    def bench(self) -> Bench:
        """The wiring of the instruments."""
        return self._load().bench

    @property
    def faults(self) -> Faults:
        """Faults to inject."""
        return self.bench.faults

    @property
    def interfaces(self) -> list[str]:
        """Names of the driver services, as registered with discovery."""
        return list_interfaces()

    @property
    def missing_interfaces(self) -> dict[str, str]:
        """The driver services that are not installed, each with its extra of this distribution."""
        return missing_drivers()

    @property
    def sessions(self) -> list[SessionInfo]:
        """The open sessions."""
        return describe_sessions(self._sessions)

    @property
    def file_roots(self) -> list[Path]:
        """The folders in which clients may read and write attribute configurations.

        The last one is the server's own while it runs. The stop removes it with its files.
        """
        return list(self._files.folders)

    def add_read_root(self, folder: Path) -> None:
        """Let clients read files of instruments in a folder, in addition to the other folders."""
        self._files.add_read_folder(folder)

    def start(self, address: str = "127.0.0.1:0") -> int:
        """Start to listen.

        Args:
            address: Host and port. Port 0 takes any free one.

        Returns:
            The port.

        Raises:
            RuntimeError: The address cannot be used, or the server runs already.
        """
        if self._server is not None:
            raise RuntimeError("This device server has been started already.")
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
        bench_pb2_grpc.add_BenchServicer_to_server(
            BenchServicer(lambda: self.bench, self._sessions), server
        )
        folders = list_folders()
        server.add_generic_rpc_handlers(
            [
                *(DriverHandler(folder, self._load, self._sessions) for folder in folders),
                ReflectionHandler(folders),
            ]
        )
        port = server.add_insecure_port(address)
        self._rule.listens_at(address.rpartition(":")[0].strip("[]"), port)
        self._temporary = tempfile.TemporaryDirectory(prefix="device-server-")
        self._files.folders.append(Path(os.path.realpath(self._temporary.name)))
        server.start()
        self._server = server
        return port

    def stop(self, grace: float = 0.0) -> None:
        """Refuse new calls, wait `grace` seconds for current ones, close all sessions."""
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

    def _load(self) -> Surroundings:
        """Return the surroundings of the sessions. They are made at the first call."""
        with self._loading:
            if self._surroundings is None:
                # numpy takes longer to import than a platform needs to start, and pin maps and
                # sequences without instruments never need it.
                from device_sim.bench import Bench
                from device_sim.server.bench_file import load_bench

                file = self._bench_file
                bench = load_bench(file, self.clock) if file else Bench(self.clock)
                self._surroundings = Surroundings(self.clock, bench, self._files)
            return self._surroundings
