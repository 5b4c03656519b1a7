"""Register a server with NI discovery, and keep it registered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation

from session_sharing.ni.names import STATE_FILE_ANNOTATION, DiscoveryName, first_line
from session_sharing.places import Endpoint

_THIS_HOST = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - nothing listens here

_log = logging.getLogger(__name__)


class DiscoveryAnnouncer:
    """Registers a server with discovery, and again when discovery was restarted, until it stops.

    It works in a background thread, so that the server serves whether or not discovery runs.
    """

    def __init__(
        self,
        name: DiscoveryName,
        state_file: Path | None = None,
        make_client: Callable[[], DiscoveryClient] = DiscoveryClient,
        interval: float = 2.0,
    ) -> None:
        """Prepare to announce a server; nothing happens before `start`.

        Args:
            name: Name of the server in discovery.
            state_file: Its state file, by which clients of the same user recognise it. Discovery
                gets the path only.
            make_client: Makes a client of discovery; it is called again when discovery was lost.
            interval: Seconds between two checks that discovery knows the server.
        """
        self._name = name
        self._state_file = state_file
        self._make_client = make_client
        self._interval = interval
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, endpoints: Sequence[Endpoint], token: str) -> None:
        """Register the server's ports as soon as discovery runs."""
        location = service_location(endpoints)
        if location is not None:
            self._thread = threading.Thread(
                target=self._run, args=(location,), name="discovery-announcer", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Withdraw the registration."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self, location: ServiceLocation) -> None:
        # The SDK logs every failed attempt as an error; our one line says more.
        logging.getLogger("ni.measurementlink.discovery").setLevel(logging.CRITICAL)
        missed = False
        while not self._stopping.is_set():
            try:
                client = self._make_client()
                registration = client.register_service(self._service_info(), location)
                _log.info("Registered with NI discovery as %s.", self._name.service_class)
                missed = False
                self._wait_while_known(client, registration)
            except NotImplementedError:
                _log.info("This system has no NI discovery. The server serves without it.")
                return
            except Exception as error:  # NI's client raises errors of its key file and of gRPC
                if not missed:
                    _log.warning(
                        "Not registered with NI discovery yet; the server tries again. (%s)",
                        first_line(error),
                    )
                missed = True
                self._stopping.wait(self._interval)

    def _wait_while_known(self, client: DiscoveryClient, registration: str) -> None:
        """Wait until this server stops, or discovery ends or does not know the server any more."""
        while not self._stopping.wait(self._interval):
            known = client.enumerate_services(self._name.interface)
            if not any(info.service_class == self._name.service_class for info in known):
                return
        client.unregister_service(registration)

    def _service_info(self) -> ServiceInfo:
        name = self._name
        annotations = {}
        if self._state_file is not None:
            annotations[STATE_FILE_ANNOTATION] = str(self._state_file)
        return ServiceInfo(
            service_class=name.service_class,
            description_url=name.description_url,
            provided_interfaces=[name.interface],
            annotations=annotations,
            display_name=name.display_name or name.service_class,
            versions=[name.version] if name.version else [],
        )


def service_location(endpoints: Sequence[Endpoint]) -> ServiceLocation | None:
    """Return the location of a server for discovery: one host, a port, and a port with TLS.

    If the two ports are on different hosts, the location has the port without TLS.

    Returns:
        None for a server without a TCP port, which discovery cannot describe.
    """
    plain_first = sorted((e for e in endpoints if e.port), key=lambda endpoint: endpoint.tls)
    if not plain_first:
        return None
    host = _host(plain_first[0])
    ports = {e.tls: str(e.port) for e in reversed(plain_first) if _host(e) == host}
    return ServiceLocation(host, ports.get(False, ""), ports.get(True, ""))


def _host(endpoint: Endpoint) -> str:
    """Return the name by which other programs reach a listener's host."""
    if endpoint.host in _THIS_HOST:
        return "localhost"
    return f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
