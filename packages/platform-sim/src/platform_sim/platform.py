"""Build, start and stop all services of the platform, in one process."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import grpc
import grpc.aio
from device_sim import BenchError, DeviceServer
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2_grpc
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from session_sharing.same_user import SameUserRule

from platform_sim.callers import CallerFinder
from platform_sim.discovery.activation import Activator
from platform_sim.discovery.catalog import ServiceCatalog
from platform_sim.discovery.description import Location, ServiceDescription
from platform_sim.discovery.directory import ServiceDirectory
from platform_sim.discovery.last_run import LastRunHandler
from platform_sim.discovery.own_services import (
    ALWAYS_OWN,
    DEVICE_SERVER_CLASS,
    DISCOVERY_INTERFACE,
    PIN_MAP_INTERFACE,
    SEQUENCES_INTERFACE,
    SESSION_MANAGEMENT_INTERFACE,
)
from platform_sim.discovery.plugin_process import PluginProcess
from platform_sim.discovery.reachability import Prober
from platform_sim.discovery.registry import ServiceRegistry
from platform_sim.discovery.serviceconfig import InstalledService
from platform_sim.discovery.servicer import DiscoveryServicer
from platform_sim.discovery.start_rule import start_command
from platform_sim.errors import InvalidRequestError, PlatformSimError
from platform_sim.grpc_errors import ErrorStatusInterceptor
from platform_sim.hook import cluster_id, hooked_environment
from platform_sim.key_file import holding_key_file, key_file
from platform_sim.pin_map.servicer import PinMapServicer
from platform_sim.pin_map.store import PinMapStore
from platform_sim.reflection import ReflectionHandler
from platform_sim.same_user import SameUserInterceptor
from platform_sim.sequence_service.folders import SequenceFolders
from platform_sim.sequence_service.runs import SequenceRuns
from platform_sim.sequence_service.servicer import SequencesServicer
from platform_sim.session_management.servicer import SessionManagementServicer
from platform_sim.session_management.sessions import SessionManagement
from platform_sim.state_file import PlatformState
from platform_sim.v1 import sequences_pb2_grpc

T = TypeVar("T")

_LOOKS_FOR_CHILDREN = 50
_SECONDS_BETWEEN_LOOKS = 0.1

_HOST = "127.0.0.1"
_LARGEST_REQUEST = 64 * 2**20  # bytes; the largest requests are pin maps of some kilobytes
_SERVER_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on a fixed port must fail, not share the port
    ("grpc.max_receive_message_length", _LARGEST_REQUEST),
    ("grpc.max_send_message_length", -1),
)


@dataclass(frozen=True, slots=True)
class PlatformOptions:
    """The options of a platform."""

    plugin_folders: tuple[Path, ...] = ()
    """Folders with .serviceconfig files, in themselves or their subfolders. Use it for the plug-ins
    that discovery starts on demand."""
    bench: Path | None = None
    """Bench file with the wiring of the instruments. Use it when readings matter. With None,
    nothing is wired and instruments answer as NI's simulated devices do."""
    file_roots: tuple[Path, ...] = ()
    """Folders in which drivers may read and write the files of instruments, such as attribute
    configurations and patterns. In the present folder and a temporary one they always may. In the
    folders of plug-ins and sequences they may read. Use it if measurements have files elsewhere."""
    log_folder: Path | None = None
    """Folder for the output of started plug-ins. Use it to keep the output after the end
    of the platform. None means a temporary folder."""
    has_device_server: bool = True
    """Whether to serve the simulated NI gRPC Device Server. Use False if another device server is
    used, or if no plug-in has instruments."""
    start_timeout: float = 30.0
    """Seconds in which a started plug-in must register. Use more for plug-ins that import much."""
    plugin_stop_grace: float = 5.0
    """Seconds in which plug-ins must end after SIGTERM. Then they are killed."""
    frees_after_plugins: bool = True
    """Whether to free the reservations and registrations of a started plug-in when it ends. Use
    False to test with the behavior of NI's services, which keep them."""
    allows_other_users: bool = False
    """Whether to answer other users of this machine, too. Otherwise they get PERMISSION_DENIED, if
    the system shows which user a connection belongs to (Linux)."""
    trusts_plugins_of_others: bool = False
    """Whether to start plug-ins from files that other users own or may change. Otherwise such
    files are ignored (POSIX)."""
    sequence_folders: tuple[Path, ...] = ()
    """Folders with sequence files, in themselves or their subfolders. Clients of the service
    platform_sim.v1.Sequences may start them. Without a folder, the service does not exist."""
    sequence_stop_grace: float = 10.0
    """Seconds for Cleanup of running sequences at the stop. Then they are killed."""
    stop_grace: float = 1.0
    """Seconds for current calls to finish at the stop."""


class Platform:
    """Discovery, pin map, session management and device server on 127.0.0.1.

    Use it as a context manager, or call `start` and `stop`. The services run on an event loop in
    their own thread. All public methods may be called from any other thread.
    """

    def __init__(self, options: PlatformOptions | None = None) -> None:
        """Prepare a platform. Nothing runs before `start`."""
        self.options = options or PlatformOptions()
        self._loop = _in_another_thread(asyncio.new_event_loop)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="platform-sim", daemon=True
        )
        self._server: grpc.aio.Server | None = None
        self._device_server: DeviceServer | None = None
        self._log_folder = self.options.log_folder
        self._owns_log_folder = False
        own = ALWAYS_OWN | ({DEVICE_SERVER_CLASS} if self.options.has_device_server else set())
        self._callers = CallerFinder()
        self._registry = ServiceRegistry(own)
        self._pin_maps = PinMapStore()
        self._sessions = SessionManagement(self._pin_maps, time.time)
        self._catalog = ServiceCatalog(
            self.options.plugin_folders, own, trusts_others=self.options.trusts_plugins_of_others
        )
        self._activator = Activator(
            self._registry,
            self._launch,
            start_timeout=self.options.start_timeout,
            stop_grace=self.options.plugin_stop_grace,
            on_end=self._free_after,
        )
        self._sequence_runs: SequenceRuns | None = None
        self._freeing: set[asyncio.Task[None]] = set()
        self._rule = SameUserRule(allows_other_users=self.options.allows_other_users)
        self._state: PlatformState | None = None
        self._key_files = ExitStack()

    @property
    def state(self) -> PlatformState:
        """Addresses of the running platform.

        Raises:
            PlatformSimError: The platform does not run.
        """
        if self._state is None:
            raise PlatformSimError("The platform is not running. Call start() first.")
        return self._state

    @property
    def discovery_address(self) -> str:
        """HOST:PORT of discovery, pin map and session management."""
        return self.state.discovery_address

    @property
    def log_folder(self) -> Path:
        """The folder for the output of started plug-ins.

        Raises:
            PlatformSimError: The platform was never started, and the options name no folder.
        """
        if self._log_folder is None:
            raise PlatformSimError("The platform was not started. Call start() first.")
        return self._log_folder

    @property
    def device_server(self) -> DeviceServer:
        """The simulated NI gRPC Device Server, with its bench and faults.

        Raises:
            PlatformSimError: The options exclude it, or the platform was not started.
        """
        if self._device_server is None:
            raise PlatformSimError(
                "The platform has no device server, or was not started. Check the options, and "
                "call start()."
            )
        return self._device_server

    @property
    def waiting_reservations(self) -> int:
        """The number of callers that wait for sessions that others hold."""
        return self._sessions.reservations.waiting_count()

    def __enter__(self) -> Platform:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> PlatformState:
        """Start all services. They answer when this returns. A platform can start only once."""
        self._thread.start()
        try:
            self._prepare_log_folder()
            device_server_address = self._start_device_server()
            address = f"{_HOST}:{self._run(self._start_services())}"
            self._hold_key_file(address)
        except BaseException:
            self.stop()
            raise
        self._state = PlatformState(os.getpid(), address, device_server_address)
        return self._state

    def stop(self) -> None:
        """End the plug-ins that discovery started, then the services. Again is harmless."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._run(self._stop_services())
            if self._device_server is not None:
                self._device_server.stop(self.options.stop_grace)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        _in_another_thread(self._loop.close)
        self._key_files.close()
        self._state = None
        if self._owns_log_folder and self._log_folder is not None:
            shutil.rmtree(self._log_folder, ignore_errors=True)

    def add_plugin_folder(self, folder: Path) -> None:
        """Add a folder with .serviceconfig files, in itself or its subfolders."""
        self._loop.call_soon_threadsafe(self._catalog.add_folder, folder)
        if self._device_server is not None:
            self._device_server.add_read_root(folder)

    def plugin_counts(self) -> dict[Path, int]:
        """Return the number of services in each plug-in folder. Log the files that are ignored."""

        async def count() -> dict[Path, int]:
            return self._catalog.counts()

        return self._run(count())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _hold_key_file(self, discovery_address: str) -> None:
        file = key_file(cluster_id(discovery_address))
        if file is not None:
            self._key_files.enter_context(holding_key_file(file, discovery_address))

    def _prepare_log_folder(self) -> None:
        try:
            if self._log_folder is None:
                self._log_folder = Path(tempfile.mkdtemp(prefix="platform-sim-"))
                self._owns_log_folder = True
            self._log_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            folder = self._log_folder or "a temporary folder"
            raise PlatformSimError(
                f"The output of plug-ins cannot be stored: {folder} cannot be created "
                f"({error.strerror}). Choose another folder with --log-dir."
            ) from error

    def _start_device_server(self) -> str:
        if not self.options.has_device_server:
            return ""
        try:
            self._device_server = DeviceServer(
                self.options.bench,
                file_roots=self.options.file_roots,
                read_roots=(*self.options.plugin_folders, *self.options.sequence_folders),
                allows_other_users=self.options.allows_other_users,
            )
        except BenchError as error:
            raise InvalidRequestError(str(error)) from error
        port = self._device_server.start(f"{_HOST}:0")
        self._register(DEVICE_SERVER_CLASS, tuple(self._device_server.interfaces), port)
        return f"{_HOST}:{port}"

    async def _start_services(self) -> int:
        server = grpc.aio.server(
            interceptors=[ErrorStatusInterceptor(), SameUserInterceptor(self._rule)],
            options=_SERVER_OPTIONS,
        )
        discovery_service_pb2_grpc.add_DiscoveryServiceServicer_to_server(
            DiscoveryServicer(
                self._registry, self._make_directory(), self._activator, self._callers
            ),
            server,
        )
        pin_map_service_pb2_grpc.add_PinMapServiceServicer_to_server(
            PinMapServicer(self._pin_maps), server
        )
        session_management_service_pb2_grpc.add_SessionManagementServiceServicer_to_server(
            SessionManagementServicer(self._sessions, self._callers), server
        )
        server.add_generic_rpc_handlers((LastRunHandler(self._activator.process_at),))
        port = server.add_insecure_port(f"{_HOST}:0")
        self._rule.listens_at(_HOST, port)
        interfaces = [PIN_MAP_INTERFACE, SESSION_MANAGEMENT_INTERFACE]
        if self.options.sequence_folders:
            self._add_sequences(server, port)
            interfaces.append(SEQUENCES_INTERFACE)
        for interface in interfaces:
            self._register(interface, (interface,), port)
        server.add_generic_rpc_handlers((ReflectionHandler([DISCOVERY_INTERFACE, *interfaces]),))
        await server.start()
        self._server = server
        return port

    def _add_sequences(self, server: grpc.aio.Server, port: int) -> None:
        folders = SequenceFolders(self.options.sequence_folders)
        self._sequence_runs = SequenceRuns(folders, f"{_HOST}:{port}", self.log_folder)
        sequences_pb2_grpc.add_SequencesServicer_to_server(
            SequencesServicer(self._sequence_runs), server
        )

    async def _stop_services(self) -> None:
        if self._sequence_runs is not None:  # their Cleanup needs plug-ins and services
            await self._sequence_runs.stop(self.options.sequence_stop_grace)
        # Plug-ins unregister as they end, so discovery goes last.
        await self._activator.stop()
        for task in self._freeing:
            task.cancel()
        if self._server is not None:
            await self._server.stop(self.options.stop_grace)
        self._rule.close()

    def _make_directory(self) -> ServiceDirectory:
        server = self._device_server
        missing = server.missing_interfaces if server is not None else {}
        return ServiceDirectory(
            self._registry,
            self._catalog,
            self._activator,
            Prober().dead_among,
            {name: f"'measurement-device-sim[{extra}]'" for name, extra in missing.items()},
        )

    def _register(self, service_class: str, interfaces: tuple[str, ...], port: int) -> None:
        name = service_class.rpartition(".")[2]
        self._registry.add_built_in(
            ServiceDescription(f"{name} (platform-sim)", service_class, interfaces),
            Location(_HOST, str(port)),
        )

    def _free_after(self, pid: int) -> None:
        """Free the sessions of a plug-in. Its child processes may end a moment after it."""

        async def free() -> None:
            for _ in range(_LOOKS_FOR_CHILDREN):
                if self._sessions.free_after(pid):
                    return
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

        if self.options.frees_after_plugins:
            task = asyncio.ensure_future(free())
            self._freeing.add(task)
            task.add_done_callback(self._freeing.discard)

    def _launch(self, installed: InstalledService) -> PluginProcess:
        """Start a plug-in. This runs on the loop's thread, which lives as long as the platform."""
        service = installed.service
        name = re.sub(r"[^\w.-]", "_", f"{service.service_class}-{service.effective_version}")
        command = start_command(installed)
        if not self.options.trusts_plugins_of_others:
            command.refuse_untrusted(installed)
        return PluginProcess(
            command.arguments,
            command.folder,
            hooked_environment(self.discovery_address, {**os.environ, **command.variables}),
            self.log_folder / f"{name}.log",
        )


def _in_another_thread(work: Callable[[], T]) -> T:
    """Call a function in a short-lived thread.

    On Windows, an event loop that the main thread makes takes over the wakeup for signals. Ctrl-C
    would then end neither `StopSignals.wait` nor another event loop of the program.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
