"""Open the log that a pin map names, in a measurement plug-in."""

from __future__ import annotations

from ni.measurementlink.discovery.v1.client import DiscoveryClient
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior
from session_sharing.client import ConnectOptions, InitializationBehavior, SessionOptions
from session_sharing.ni import SessionConstructor

from json_logger_client.client import JsonLoggerClient
from json_logger_client.record_context import SessionContext


class JsonLoggerSessionConstructor(SessionConstructor[JsonLoggerClient]):
    """Opens the log in a measurement plug-in. The instrument's name in the pin map is the file.

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
        context: SessionContext | None = None,
    ) -> None:
        """Set how to open the log. In a plug-in, the defaults are right.

        Args:
            discovery_client: NI discovery client, which finds the server. Use it in programs that
                have such a client.
            initialization_behavior: Whether to create the session or attach to it, and what happens
                at its end. Use it in code modules of a sequence, which open the log for all
                plug-ins.
            connection: How to reach the server. Use it when NI discovery does not know the server.
            reclaim: Close a session of this log that has no attachment, and create a new one. Use
                it in the program that opens the log first, because a crashed run can leave such a
                session.
            context: What all records of the session have in common, if this creates the session.
                Use it in the program that opens the log for all plug-ins, and knows the unit under
                test.
        """
        super().__init__(initialization_behavior)
        self._discovery_client = discovery_client
        self._connection = connection
        self._context = context
        self._options = SessionOptions(reclaim=reclaim)

    def open(self, resource: str, behavior: InitializationBehavior) -> JsonLoggerClient:
        """Open the log file that has the name of an instrument."""
        return JsonLoggerClient(
            resource,
            behavior,
            self._discovery_client,
            connection=self._connection,
            options=self._options,
            context=self._context,
        )
