"""Open the device that a pin map names, in a measurement plug-in."""

from __future__ import annotations

import os

from ni.measurementlink.discovery.v1.client import DiscoveryClient
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior
from session_sharing.client import ConnectOptions, InitializationBehavior, SessionOptions
from session_sharing.ni import SessionConstructor

from device_comm.client.client import DeviceCommunicationClient
from device_comm.names import Protocol


class DeviceCommunicationSessionConstructor(SessionConstructor[DeviceCommunicationClient]):
    """Opens the device in a measurement plug-in. The instrument's name in the pin map is its name.

    Pass it to the reservation's `initialize_session`::

        with reservation.initialize_session(
            DeviceCommunicationSessionConstructor("dut.csv"),
            DEVICE_COMMUNICATION_INSTRUMENT_TYPE,
        ) as device:
            device.session.set_register("USER_DATA_0", 0x2A)
    """

    def __init__(
        self,
        register_map_path: str | os.PathLike[str] = "",
        protocol: Protocol | int = Protocol.SPI,
        reset: bool = False,
        initialization_behavior: SessionInitializationBehavior = SessionInitializationBehavior.AUTO,
        discovery_client: DiscoveryClient | None = None,
        *,
        connection: ConnectOptions | None = None,
        reclaim: bool = False,
    ) -> None:
        """Set how to open the device.

        Args:
            register_map_path: CSV file on the server's host with the device's registers.
            protocol: The bus over which the device is reached.
            reset: Set the registers to the values of the register map when the session is open
                already. Use it when earlier values must not matter.
            initialization_behavior: Whether to create the session or attach to it, and what happens
                at its end. Use it in code modules of a sequence, which open the device for all
                plug-ins.
            discovery_client: NI discovery client, which finds the server. Use it in programs that
                have such a client.
            connection: How to reach the server. Use it when NI discovery does not know the server.
            reclaim: Close a session of this device that has no attachment, and create a new one.
                Use it in the program that opens the device first, because a crashed run can leave
                such a session.
        """
        super().__init__(initialization_behavior)
        self._register_map_path = register_map_path
        self._protocol = protocol
        self._reset = reset
        self._discovery_client = discovery_client
        self._connection = connection
        self._options = SessionOptions(reclaim=reclaim)

    def open(self, resource: str, behavior: InitializationBehavior) -> DeviceCommunicationClient:
        """Open the device that has the name of an instrument."""
        return DeviceCommunicationClient(
            resource,
            self._protocol,
            self._register_map_path,
            self._reset,
            behavior,
            self._discovery_client,
            connection=self._connection,
            options=self._options,
        )
