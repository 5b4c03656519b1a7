"""Opens the log of a pin map's logger instrument, for the measurement plug-in SDK."""

from __future__ import annotations

from ni.measurementlink.discovery.v1.client import DiscoveryClient
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior
from session_sharing.client import ConnectOptions, InitializationBehavior, SessionOptions
from session_sharing.ni import SessionConstructor

from json_logger_client.client import JsonLoggerClient


class JsonLoggerSessionConstructor(SessionConstructor[JsonLoggerClient]):
    """Opens the log in a measurement plug-in; the instrument's name in the pin map is the file.

    Pass it to the reservation's `initialize_session`::

        with reservation.initialize_session(
            JsonLoggerSessionConstructor(), JSON_LOGGER_INSTRUMENT_TYPE
        ) as log:
            log.session.log_data("leakage", {"voltage": 3.3}, {"current": 1.2e-9})
    """

    def __init__(
        self,
        discovery_client: DiscoveryClient | None = None,
        initialization_behavior: SessionInitializationBehavior = SessionInitializationBehavior.AUTO,
        *,
        connection: ConnectOptions | None = None,
        reclaim: bool = False,
    ) -> None:
        """Say how to open; in a plug-in the defaults do.

        Args:
            discovery_client: NI discovery client that finds the server. Use it in programs that
                have one.
            initialization_behavior: Whether to create or attach, and what the end does. Use it in
                code modules of a sequence, which open the log for all plug-ins.
            connection: Where the server is. Use it when NI discovery does not know the server.
            reclaim: Close a session that nobody is attached to when it stands in the way. Use it
                where the log is opened first, after a run that did not end well.
        """
        super().__init__(initialization_behavior)
        self._discovery_client = discovery_client
        self._connection = connection
        self._options = SessionOptions(reclaim=reclaim)

    def open(self, resource: str, behavior: InitializationBehavior) -> JsonLoggerClient:
        """Open the log file that an instrument is named after."""
        return JsonLoggerClient(
            resource,
            behavior,
            self._discovery_client,
            connection=self._connection,
            options=self._options,
        )
