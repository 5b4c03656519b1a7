"""Registers a server with NI discovery and keeps it registered."""

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
    """Registers a server with discovery, again when discovery was restarted, until it stops.

    Works in a thread of its own, so that a server serves whether or not discovery is there.
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
            name: What the server is called.
            state_file: Its state file, by which clients of the same user know it as theirs; only
                the path is told.
            make_client: Makes a client of discovery, a new one after discovery was lost.
            interval: Seconds between two looks at whether discovery knows the server.
        """
        self._name = name
        self._state_file = state_file
        self._make_client = make_client
        self._interval = interval
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, endpoints: Sequence[Endpoint], token: str) -> None:
        """Register the server's ports, as soon as discovery is there."""
        location = service_location(endpoints)
        if location is not None:
            self._thread = threading.Thread(
                target=self._run, args=(location,), name="discovery-announcer", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Take the registration back."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self, location: ServiceLocation) -> None:
        # The SDK logs every attempt as an error of its own; one line of ours says more.
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
                _log.info("NI discovery does not exist on this system; serving without it.")
                return
            except Exception as error:  # NI's client raises what its key file and gRPC do
                if not missed:
                    _log.warning("Not registered with NI discovery yet. (%s)", first_line(error))
                missed = True
                self._stopping.wait(self._interval)

    def _wait_while_known(self, client: DiscoveryClient, registration: str) -> None:
        """Wait until this server stops, or discovery, or forgets it as after a restart."""
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
    """Say in discovery's terms where a server is: one host, its plain port and its port with TLS.

    Where these are on different hosts, the plain port is told of.

    Returns:
        None for a server without a TCP port, for which discovery has no words.
    """
    plain_first = sorted((e for e in endpoints if e.port), key=lambda endpoint: endpoint.tls)
    if not plain_first:
        return None
    host = _host(plain_first[0])
    ports = {e.tls: str(e.port) for e in reversed(plain_first) if _host(e) == host}
    return ServiceLocation(host, ports.get(False, ""), ports.get(True, ""))


def _host(endpoint: Endpoint) -> str:
    """Give the name by which other programs reach a listener's host."""
    if endpoint.host in _THIS_HOST:
        return "localhost"
    return f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
