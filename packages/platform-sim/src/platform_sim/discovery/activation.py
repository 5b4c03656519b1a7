"""Start each installed service once, however many callers ask, and end it with the platform."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from platform_sim.discovery.description import ServiceDescription
from platform_sim.discovery.plugin_process import PluginProcess
from platform_sim.discovery.registry import Registration, ServiceRegistry
from platform_sim.discovery.serviceconfig import InstalledService
from platform_sim.discovery.versions import UNSET_VERSION
from platform_sim.errors import PluginStartError
from platform_sim.file_walk import walk_files

_logger = logging.getLogger(__name__)

_Key = tuple[Path, str, str]

_SOURCES = (".py", ".serviceconfig", ".sh", ".bat")
_LONGEST_INPUT_GRACE = 1.0  # seconds; services that do not read their input always need it all
_KILLED_GRACE = 2.0


class Activator:
    """Run the processes of installed services. Call all methods on one event loop's thread."""

    def __init__(
        self,
        registry: ServiceRegistry,
        launch: Callable[[InstalledService], PluginProcess],
        *,
        start_timeout: float,
        stop_grace: float,
        on_end: Callable[[int], None] = lambda pid: None,
    ) -> None:
        """Make an activator without processes.

        Args:
            registry: Contains the registrations of started services. They are dropped when the
                process ends.
            launch: Start the process of a service.
            start_timeout: Seconds from start to registration.
            stop_grace: Seconds in which a process must end after SIGTERM. After its input is
                closed, the process gets at most one second of it.
            on_end: Called with the process id of each process that ended.
        """
        self._registry = registry
        self._launch = launch
        self._start_timeout = start_timeout
        self._stop_grace = stop_grace
        self._on_end = on_end
        self._starts: dict[_Key, asyncio.Task[Registration]] = {}
        self._processes: dict[_Key, PluginProcess] = {}
        self._expected: dict[_Key, asyncio.Future[Registration]] = {}
        self._registered_by: dict[_Key, Registration] = {}
        self._last_at: dict[str, PluginProcess] = {}

    async def start(self, installed: InstalledService) -> Registration:
        """Start a service and wait for its registration.

        Raises:
            PluginStartError: The service cannot be started, ends before it registers, or does not
                register in time.
        """
        key = _key_of(installed)
        task = self._starts.get(key)
        if task is None:
            task = asyncio.ensure_future(self._start(key, installed))
            self._starts[key] = task
            task.add_done_callback(lambda done: self._forget_start(key, done))
        return await asyncio.shield(task)

    def drop_dying(self) -> None:
        """Drop the registrations of processes that ended a moment ago."""
        for key, registration in list(self._registered_by.items()):
            process = self._processes.get(key)
            if process is None or process.is_dying():
                self._registry.discard(registration)

    def with_version(self, service: ServiceDescription) -> ServiceDescription:
        """Return the description of a service that registers, with a version.

        A service that discovery starts need not know its version: its .serviceconfig file has it.
        """
        waiting = self._waiting(service)
        if service.effective_version != UNSET_VERSION or len(waiting) != 1:
            return service
        ((_, _, version),) = waiting
        return service if version == UNSET_VERSION else replace(service, version=version)

    def note_registration(self, registration: Registration) -> None:
        """End the waiting of a start, because the service has registered."""
        service = registration.service
        waiting = self._waiting(service)
        for key, expected in waiting.items():
            if key[2] == service.effective_version:
                expected.set_result(registration)
                return
        if len(waiting) == 1:  # with several, the registration could belong to any of them
            ((key, expected),) = waiting.items()
            expected.set_exception(
                PluginStartError(
                    f"{service.service_class} registered as version {service.effective_version}, "
                    f"but {key[0]} says version {key[2]}. Give both the same version."
                )
            )

    def _waiting(self, service: ServiceDescription) -> dict[_Key, asyncio.Future[Registration]]:
        """Return the starts that wait for the registration of a service of this class."""
        return {
            key: expected
            for key, expected in self._expected.items()
            if key[1] == service.service_class and not expected.done()
        }

    def process_of(self, registration: Registration) -> tuple[int, Path | None] | None:
        """Return the process of a service, and a file of it that changed after the start.

        Returns:
            None for a service that discovery did not start.
        """
        for key, known in self._registered_by.items():
            process = self._processes.get(key)
            if known == registration and process is not None:
                return process.pid, _changed_since(key[0].parent, process.started)
        return None

    def process_at(self, port: str) -> PluginProcess | None:
        """Return the process that last listened on a port. It may have ended since."""
        return self._last_at.get(port)

    async def stop(self) -> None:
        """End all processes: close their standard input, then terminate, then kill them."""
        for task in list(self._starts.values()):
            task.cancel()
        processes = list(self._processes.values())
        await self._stop_processes(processes)
        for process in processes:
            process.release()
        self._processes.clear()

    def _forget_start(self, key: _Key, task: asyncio.Task[Registration]) -> None:
        self._starts.pop(key, None)
        if not task.cancelled():
            task.exception()  # if no caller waits any more, nobody needs the error

    async def _start(self, key: _Key, installed: InstalledService) -> Registration:
        old = self._processes.pop(key, None)
        if old is not None:
            await self._stop_processes([old])
        process = self._launch(installed)
        expected: asyncio.Future[Registration] = asyncio.get_running_loop().create_future()
        self._expected[key] = expected
        self._processes[key] = process
        self._watch(key, process)
        _logger.info("Started %s (pid %d)", installed.service.service_class, process.pid)
        try:
            registration = await asyncio.wait_for(expected, self._start_timeout)
        except asyncio.TimeoutError:
            await self._stop_processes([process])
            raise PluginStartError(
                f"{installed.service.service_class} did not register within "
                f"{self._start_timeout:g} s of its start. {process.describe_output()}"
            ) from None
        finally:
            self._expected.pop(key, None)
        self._registered_by[key] = registration
        self._last_at[registration.location.insecure_port] = process
        return registration

    def _watch(self, key: _Key, process: PluginProcess) -> None:
        loop = asyncio.get_running_loop()

        def wait() -> None:
            process.wait()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._note_exit, key, process)

        threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()

    def _note_exit(self, key: _Key, process: PluginProcess) -> None:
        self._on_end(process.pid)
        process.release()
        if self._processes.get(key) is not process:
            return
        del self._processes[key]
        registration = self._registered_by.pop(key, None)
        if registration is not None:
            self._registry.discard(registration)
        expected = self._expected.get(key)
        if expected is not None and not expected.done():
            expected.set_exception(
                PluginStartError(
                    f"{key[1]} ended with {process.ending()} before it registered. "
                    f"{process.describe_output()}"
                )
            )

    async def _stop_processes(self, processes: list[PluginProcess]) -> None:
        steps = (
            (PluginProcess.close_input, min(self._stop_grace, _LONGEST_INPUT_GRACE)),
            (PluginProcess.terminate, self._stop_grace),
            (PluginProcess.kill, _KILLED_GRACE),
        )
        for step, grace in steps:
            for process in processes:
                step(process)
            processes = await _still_running(processes, grace)
            if not processes:
                return


def _key_of(installed: InstalledService) -> _Key:
    service = installed.service
    return installed.config_file, service.service_class, service.effective_version


def _changed_since(folder: Path, started: float) -> Path | None:
    for file in walk_files(folder):
        if file.suffix in _SOURCES or file.name == ".env":
            with suppress(OSError):
                if file.stat().st_mtime > started:
                    return file
    return None


async def _still_running(processes: list[PluginProcess], grace: float) -> list[PluginProcess]:
    deadline = time.monotonic() + grace
    while True:
        processes = [process for process in processes if process.exit_code() is None]
        if not processes or time.monotonic() >= deadline:
            return processes
        await asyncio.sleep(0.01)
