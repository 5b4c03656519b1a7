"""Opens the log of a pin map's logger instrument, for the measurement plug-in SDK."""

from __future__ import annotations

from ni.measurementlink.discovery.v1.client import DiscoveryClient
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior
from session_sharing.client import ConnectOptions, SessionOptions
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.ni import SessionConstructor

from json_logger_client.client import JsonLoggerClient


class JsonLoggerSessionConstructor(SessionConstructor[JsonLoggerClient]):
    """Pass it to `initialize_session`; the instrument's name in the pin map is the file."""

    def __init__(
        self,
        discovery_client: DiscoveryClient | None = None,
        initialization_behavior: SessionInitializationBehavior = SessionInitializationBehavior.AUTO,
        *,
        connect: ConnectOptions | None = None,
        reclaim: bool = False,
    ) -> None:
        """Say how to open.

        Args:
            discovery_client: NI discovery client that finds the server.
            initialization_behavior: Whether to create or attach, and what the end does.
            connect: Where the server is, when discovery shall not be asked.
            reclaim: Close a session that nobody is attached to when it stands in the way.
        """
        super().__init__(initialization_behavior)
        self._discovery_client = discovery_client
        self._connect = connect
        self._options = SessionOptions(reclaim=reclaim)

    def open(self, resource: str, behavior: InitializationBehavior) -> JsonLoggerClient:
        """Open the log file that an instrument is named after."""
        return JsonLoggerClient(
            resource,
            behavior,
            self._discovery_client,
            connect=self._connect,
            options=self._options,
        )
