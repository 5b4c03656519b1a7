"""The bridge to NI's measurement platform; the only module that imports it.

Servers are announced to NI discovery and found through it, and a `SessionConstructor` fits
what the measurement plug-in SDK expects of `initialize_session(s)`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
from ni.measurementlink.sessionmanagement.v1.client import (
    SessionInformation,
    SessionInitializationBehavior,
)

from session_sharing.client.errors import ServerUnavailableError
from session_sharing.client.options import ConnectOptions
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import NotPermittedError

TOKEN_FILE_ANNOTATION = "session-sharing/token-file"  # noqa: S105 - names a file, is no secret
"""Annotation of a registration: path of the file that holds the server's token."""

_RETRY_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DiscoveryName:
    """What a service is called in discovery."""

    interface: str
    """Provided interface, such as ``ni.logger.v1.json``."""
    service_class: str
    """Service class, such as ``ni.logger.JSONLogService``."""
    display_name: str = ""
    description_url: str = ""
    version: str = ""


class DiscoveryAnnouncer:
    """Registers a server with discovery, again when discovery was restarted, until it stops.

    Works in a thread of its own, so that a server serves whether or not discovery is there.
    """

    def __init__(
        self,
        name: DiscoveryName,
        token_file: Path | None = None,
        make_client: Callable[[], DiscoveryClient] = DiscoveryClient,
    ) -> None:
        self._name = name
        self._token_file = token_file
        self._make_client = make_client
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, targets: Sequence[str], token: str) -> None:
        """Register the first TCP target, as soon as discovery is there."""
        ports = [target.rpartition(":")[2] for target in targets if target.startswith("ip")]
        if ports:
            location = ServiceLocation("localhost", ports[0], "")
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
            except (OSError, grpc.RpcError, RuntimeError) as error:
                if not missed:
                    _log.warning("NI discovery is not there yet. (%s)", _first_line(error))
                missed = True
                self._stopping.wait(_RETRY_SECONDS)

    def _wait_while_known(self, client: DiscoveryClient, registration: str) -> None:
        """Wait until this server stops, or discovery does: then an RpcError tells."""
        while not self._stopping.wait(_RETRY_SECONDS):
            client.enumerate_services(self._name.interface)
        client.unregister_service(registration)

    def _service_info(self) -> ServiceInfo:
        name = self._name
        annotations = {}
        if self._token_file is not None:
            annotations[TOKEN_FILE_ANNOTATION] = str(self._token_file)
        return ServiceInfo(
            service_class=name.service_class,
            description_url=name.description_url,
            provided_interfaces=[name.interface],
            annotations=annotations,
            display_name=name.display_name or name.service_class,
            versions=[name.version] if name.version else [],
        )


def locate(
    name: DiscoveryName,
    options: ConnectOptions,
    discovery_client: DiscoveryClient | None = None,
) -> ConnectOptions:
    """Find a server through discovery, which starts it when it knows how to.

    Args:
        name: What the server is called.
        options: How to connect; target and token are filled in, a given token is kept.
        discovery_client: The client to ask; by default a new one.

    Raises:
        ServerUnavailableError: Discovery, or the server, is not there.
        NotPermittedError: The token file belongs to somebody else.
    """
    client = discovery_client or DiscoveryClient()
    try:
        location, info = client.resolve_service_with_information(name.interface, name.service_class)
    except (grpc.RpcError, OSError, NotImplementedError) as error:
        raise ServerUnavailableError(
            f"NI discovery did not find {name.service_class}: {_first_line(error)}"
        ) from error
    token = options.token
    token_file = info.annotations.get(TOKEN_FILE_ANNOTATION, "")
    if token_file and not token:
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NotPermittedError(
                f"The server's token file cannot be read, so it runs as another user: {error}"
            ) from error
    return replace(options, target=location.insecure_address, token=token)


def behavior_from_ni(behavior: SessionInitializationBehavior) -> InitializationBehavior:
    """Translate the SDK's behavior enum, whose integers equal ours."""
    return InitializationBehavior(int(behavior))


TSession = TypeVar("TSession")


class SessionConstructor(Generic[TSession]):
    """Opens the session of a pin map's custom instrument, for the SDK's `initialize_session(s)`.

    A subclass says how to open a resource; the resource's name is the instrument's in the pin map.
    """

    def __init__(
        self,
        initialization_behavior: SessionInitializationBehavior = SessionInitializationBehavior.AUTO,
    ) -> None:
        self.behavior = behavior_from_ni(initialization_behavior)

    def open(self, resource: str, behavior: InitializationBehavior) -> TSession:
        """Open the session to a resource."""
        raise NotImplementedError

    def __call__(self, session_info: SessionInformation) -> TSession:
        """Open the session that a reservation tells of."""
        return self.open(session_info.resource_name, self.behavior)


def _first_line(error: BaseException) -> str:
    details = getattr(error, "details", None)
    text = str(details() if callable(details) else error)
    return text.splitlines()[0] if text else type(error).__name__
