"""Find the servers of sessions as other clients do, but never start one."""

from __future__ import annotations

import os
from collections.abc import Callable

import grpc
from json_logger_client import locate_logger
from json_logger_proto.names import (
    DISCOVERY_CLASS,
    DISCOVERY_INTERFACE,
    PROGRAM,
    TARGET_VARIABLE,
)
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from session_sharing.client import (
    ConnectOptions,
    NotPermittedError,
    ServerUnavailableError,
    SessionSharingError,
)
from session_sharing.ni import DiscoveryName, locate
from session_sharing.ni.names import STATE_FILE_ANNOTATION
from session_sharing.places import default_state_file

from measurement_console.sources.event_log import EventLog
from measurement_console.sources.platform import Platform, Service
from measurement_console.sources.session_server import SessionServer
from measurement_console.sources.worker import Worker

_PAUSE = 1.0
_MOST_SERVERS = 20
_LOGGER = DiscoveryName(DISCOVERY_INTERFACE, DISCOVERY_CLASS)


class SessionServers:
    """The logger, and the other servers of sessions that have registered with discovery."""

    def __init__(self, platform: Platform, changed: Callable[[], None]) -> None:
        """Prepare to find servers.

        Args:
            platform: The platform, which knows who is registered.
            changed: Called after every change, in a thread of its own.
        """
        self._platform = platform
        self._changed = changed
        self.events = EventLog(changed)
        """What happened to the sessions of all servers."""
        self.logger = SessionServer(
            "Logger", self._find_logger, self.events, remedy="json-logger serve", changed=changed
        )
        self.all: tuple[SessionServer, ...] = (self.logger,)
        """All servers, the logger first. A server that has gone stays."""
        self._known: set[str] = {DISCOVERY_CLASS}
        self._worker = Worker("servers", self._look, _PAUSE)

    def find(self, name: str) -> SessionServer | None:
        """Return the server with a name; None if there is none."""
        return next((server for server in self.all if server.name == name), None)

    def start(self) -> None:
        """Begin to follow the servers."""
        self.logger.start()
        self._worker.start()

    def stop(self) -> None:
        """End. This does not wait for the threads."""
        self._worker.stop()
        for server in self.all:
            server.stop()

    def join(self, seconds: float) -> None:
        """Wait for the threads, and close the connections."""
        self._worker.join(seconds)
        for server in self.all:
            server.stop()
            server.join(seconds)

    def _look(self) -> None:
        """Begin to follow servers that have registered since."""
        for service in self._platform.state.services:
            is_new = service.address and service.service_class not in self._known
            if not is_new or len(self.all) >= _MOST_SERVERS:
                continue
            if STATE_FILE_ANNOTATION in dict(service.annotations) and service.interfaces:
                self._known.add(service.service_class)
                server = self._make(service)
                self.all = (*self.all, server)
                server.start()
                self._changed()

    def _make(self, service: Service) -> SessionServer:
        name = DiscoveryName(service.interfaces[0], service.service_class)

        def find() -> ConnectOptions:
            if self._platform.find(name.service_class) is None:
                raise ServerUnavailableError("It is not registered with discovery any more.")
            return _locate(name, self._platform.address)

        return SessionServer(service.name, find, self.events, remedy="", changed=self._changed)

    def _find_logger(self) -> ConnectOptions:
        """Return how to connect to the logger.

        The places are those of `locate_logger`: environment variable, discovery, state file.
        Discovery is asked only for a logger that runs, because it would start one.

        Raises:
            SessionSharingError: No logger runs, or its files are not trusted.
        """
        if os.environ.get(TARGET_VARIABLE):
            return locate_logger()
        if self._platform.find(DISCOVERY_CLASS) is not None:
            try:
                return _locate(_LOGGER, self._platform.address)
            except (ServerUnavailableError, NotPermittedError):
                pass  # another user's registration must not hide this user's logger
        try:
            return ConnectOptions.from_state_file(default_state_file(PROGRAM))
        except SessionSharingError as error:
            raise ServerUnavailableError("No logger runs.") from error


def _locate(name: DiscoveryName, discovery_address: str) -> ConnectOptions:
    options = (("grpc.enable_http_proxy", 0),)
    with grpc.insecure_channel(discovery_address, options=options) as channel:
        client = DiscoveryClient(discovery_service_pb2_grpc.DiscoveryServiceStub(channel))
        return locate(name, ConnectOptions(), client)
