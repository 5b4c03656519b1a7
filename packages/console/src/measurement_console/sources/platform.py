"""Follow the measurement platform: discovery, its services and the reservations."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plugin_kit import PlatformError
from plugin_kit.calling import PlatformClient
from session_sharing import NotPermittedError
from session_sharing.places import default_state_file, read_private

from measurement_console.sources.health import Health, HealthBook
from measurement_console.sources.worker import Worker

_PAUSE = 1.0
"""Discovery has no call that reports changes, so the console asks it so often."""
_PATIENCE = 3.0
"""Seconds after which a platform counts as gone that has not answered."""
_DISCOVERY_VARIABLE = "PLATFORM_SIM_DISCOVERY"
_STATE_FILE_VARIABLE = "PLATFORM_SIM_STATE_FILE"
_REMEDY = "platform-sim up"


@dataclass(frozen=True, slots=True)
class Service:
    """A service that discovery knows."""

    name: str
    """Name for people."""
    service_class: str
    interfaces: tuple[str, ...]
    address: str = ""
    """HOST:PORT; empty when it does not run."""
    versions: tuple[str, ...] = ()
    description_url: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """A session that the session management knows."""

    name: str
    resource: str
    instrument_type: str
    is_reserved: bool
    pins: tuple[str, ...] = ()
    """The pins, each with its site."""


@dataclass(frozen=True, slots=True)
class PlatformState:
    """What the platform has said last. It is empty while no platform is there."""

    services: tuple[Service, ...] = ()
    reservations: tuple[Reservation, ...] = ()


class Platform:
    """Follows one platform."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Prepare to follow the platform that other clients of this user find, too.

        Args:
            changed: Called after every change, in a thread of its own.
        """
        self._book = HealthBook("Measurement platform", _REMEDY, changed)
        self._changed = changed
        self._client: PlatformClient | None = None
        self._address = ""
        self.state = PlatformState()
        self._asking = threading.Event()
        self._asked = 0.0
        self._worker = Worker("platform", self._ask, _PAUSE)
        self._watcher = Worker("platform's answers", self._watch, _PAUSE)

    def start(self) -> None:
        """Begin to follow."""
        self._worker.start()
        self._watcher.start()

    def stop(self) -> None:
        """End. This does not wait for the threads."""
        self._worker.stop()
        self._watcher.stop()

    def join(self, seconds: float) -> None:
        """Wait for the threads."""
        self._watcher.join(seconds)
        self._worker.join(seconds)

    @property
    def health(self) -> Health:
        """Whether the platform is there."""
        return self._book.health

    @property
    def address(self) -> str:
        """HOST:PORT of discovery; empty when no platform is there."""
        return self._book.health.address

    @property
    def client(self) -> PlatformClient | None:
        """The client of the platform; None when no platform is there. Any thread may use it."""
        return self._client if self._book.health.is_there else None

    def find(self, service_class: str) -> Service | None:
        """Return a running service of a class; None if there is none."""
        for service in self.state.services:
            if service.service_class == service_class and service.address:
                return service
        return None

    def _watch(self) -> None:
        """Notice a platform that does not answer: a call to it has no time limit."""
        if self._asking.is_set() and time.monotonic() - self._asked > _PATIENCE:
            self._note(PlatformState())
            self._book.went("It does not answer.")

    def refresh(self) -> None:
        """Ask again at once, because something was changed."""
        self._worker.hurry()

    def _ask(self) -> None:
        self._asked = time.monotonic()
        self._asking.set()
        try:
            self._ask_now()
        finally:
            self._asking.clear()

    def _ask_now(self) -> None:
        try:
            address = find_discovery()
            if not address:
                raise PlatformError("No measurement platform runs.")
            state = self._read(self._connect(address))
        except (PlatformError, NotPermittedError) as error:
            self._note(PlatformState())
            self._book.went(str(error))
            return
        self._note(state)
        self._book.came(address)

    def _note(self, state: PlatformState) -> None:
        if state != self.state:
            self.state = state
            self._changed()

    def _connect(self, address: str) -> PlatformClient:
        if self._client is None or self._address != address:
            if self._client is not None:
                self._client.close()
            self._client, self._address = PlatformClient(address), address
        return self._client

    @staticmethod
    def _read(client: PlatformClient) -> PlatformState:
        active = {
            one.service_descriptor.service_class: one.service_location
            for one in client.active_services()
        }
        services = []
        for found in client.services():
            location = active.get(found.service_class)
            services.append(
                Service(
                    found.display_name or found.service_class,
                    found.service_class,
                    tuple(found.provided_interfaces),
                    f"{location.location}:{location.insecure_port}" if location else "",
                    tuple(found.versions),
                    found.description_url,
                    tuple(sorted(found.annotations.items())),
                )
            )
        services.sort(key=lambda service: (not service.address, service.name))
        return PlatformState(tuple(services), tuple(_reservations(client)))


def find_discovery() -> str:
    """Return HOST:PORT of the discovery service; "" if there is none.

    The places are those of the other clients: the variable PLATFORM_SIM_DISCOVERY, the state file
    of `platform-sim up`, and on Windows NI's own discovery service.

    Raises:
        NotPermittedError: Another user can have written the state file.
    """
    address = os.environ.get(_DISCOVERY_VARIABLE, "")
    if address:
        return address
    named = os.environ.get(_STATE_FILE_VARIABLE, "")
    path = Path(named) if named else default_state_file("platform-sim")
    try:
        return str(json.loads(read_private(path))["discovery_address"])
    except (OSError, ValueError, LookupError, TypeError):
        return _find_on_windows()


def _find_on_windows() -> str:
    """Return HOST:PORT of NI's own discovery service, which NI's SDK starts if necessary."""
    if os.name != "nt":
        return ""
    from ni.measurementlink.discovery.v1.client import _support

    try:
        return _support._get_discovery_service_address()
    except (OSError, RuntimeError, ValueError, LookupError):
        return ""


def _reservations(client: PlatformClient) -> list[Reservation]:
    found = []
    for one in client.sessions():
        pins = tuple(
            f"{mapping.pin_or_relay_name} (site {mapping.site})" for mapping in one.channel_mappings
        )
        found.append(
            Reservation(
                one.session.name,
                one.resource_name,
                one.instrument_type_id,
                one.session_reserved,
                pins,
            )
        )
    return sorted(found, key=lambda reservation: reservation.name)
