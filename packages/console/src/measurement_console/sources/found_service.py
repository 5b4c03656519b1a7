"""Find a simulation's service through discovery, and learn it from its server's reflection."""

from __future__ import annotations

import threading

import grpc

from measurement_console.errors import ServiceCallError
from measurement_console.reflected import ReflectedService, reflect
from measurement_console.sources.platform import Platform

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # a proxy of the environment cannot reach this machine
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 2**20),
)


class FoundService:
    """A service that may come and go. Any thread may use it."""

    def __init__(self, platform: Platform, service_class: str, service: str) -> None:
        """Prepare to find a service; nothing is sent before `get`.

        Args:
            platform: Knows what runs.
            service_class: Class under which discovery knows the server.
            service: Full name of the gRPC service, such as "device_sim.v1.Bench".
        """
        self._platform = platform
        self._service_class = service_class
        self._service = service
        self._lock = threading.Lock()
        self._address = ""
        self._channel: grpc.Channel | None = None
        self._found: ReflectedService | None = None

    @property
    def address(self) -> str:
        """HOST:PORT of the server, "" if discovery does not know it."""
        found = self._platform.find(self._service_class)
        return found.address if found else ""

    def get(self) -> ReflectedService:
        """Return the service.

        Raises:
            ServiceCallError: Discovery does not know its server, the server cannot be reached, or
                it does not have the service.
        """
        address = self.address
        with self._lock:
            if address != self._address:
                self._forget()
            if not address:
                raise ServiceCallError(
                    f"No server of {self._service} runs.", grpc.StatusCode.UNAVAILABLE
                )
            if self._channel is None:
                self._address, self._channel = address, grpc.insecure_channel(address, _OPTIONS)
            if self._found is None:
                self._found = reflect(self._channel, self._service)
            return self._found

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._address, self._channel, self._found = "", None, None
