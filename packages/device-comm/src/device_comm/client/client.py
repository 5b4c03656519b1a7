"""The client by which measurement code uses a device."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from session_sharing.client import (
    Connection,
    ConnectOptions,
    InitializationBehavior,
    InvalidArgumentError,
    SessionOptions,
    SharedSession,
    UnexpectedStatusError,
)
from session_sharing.client.arguments import check_argument
from session_sharing.v1 import lifecycle_pb2

from device_comm import device_comm_service_pb2 as pb
from device_comm import device_comm_service_pb2_grpc
from device_comm.client.bits import as_bits, from_bits
from device_comm.client.locating import locate_device_server
from device_comm.client.plain_server import (
    behavior_on_the_wire,
    closes_at_its_end,
    explained,
    is_plain,
)
from device_comm.names import ATTACHMENT_KEY, KIND, WHOLE_PORT, Protocol

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient

_Response = TypeVar("_Response")


class DeviceCommunicationClient(SharedSession):
    """A session on a shared device: a custom instrument with registers and GPIO lines.

    Open it by the device's name, in a `with` block::

        with DeviceCommunicationClient("Dut", register_map_path="dut.csv") as device:
            device.set_register("USER_DATA_0", 0x2A)
            device.set_line(port=0, channel=3, state=True)

    The client finds the server by itself. It opens the device, or attaches to it if it is already
    open. At the end of the block, it closes the session or detaches, as the behavior says. The
    client is thread-safe.

    The methods `read_…` and `write_…` are those of the reference's client. They show registers and
    ports as texts of 8 bits.
    """

    kind: ClassVar[str] = KIND

    def __init__(
        self,
        resource_name: str,
        protocol: Protocol | int = Protocol.SPI,
        register_map_path: str | os.PathLike[str] = "",
        reset: bool = False,
        initialization_behavior: InitializationBehavior = InitializationBehavior.AUTO,
        discovery_client: DiscoveryClient | None = None,
        *,
        connection: Connection | ConnectOptions | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        """Open the device.

        Args:
            resource_name: Name of the device.
            protocol: The bus over which the device is reached. It counts if this object creates
                the session.
            register_map_path: CSV file on the server's host with the device's registers; a
                relative name starts at the server's first folder for register maps. It counts if
                this object creates the session. Without it, the device has no registers.
            reset: Set the registers to the values of the register map when the session is open
                already. Use it when earlier values must not matter.
            initialization_behavior: Whether to create the session or attach to it, and what happens
                at the end of the block. Use it when one program must be the first, or when the
                session must stay open after this block.
            discovery_client: NI discovery client, which is asked when nothing else names a server.
                Use it in programs that have such a client.
            connection: How to reach the server (`ConnectOptions`), or a `Connection`, which the
                caller closes. Use a connection to open several devices over it.
            options: More settings of the session. Use it when several programs share the device
                (`close_policy`), and to name the session.

        Raises:
            ServerUnavailableError: No server was found, or it cannot be reached.
            SessionSharingError: The device cannot be opened.
        """
        check_argument("resource_name", resource_name, str)
        check_argument("register_map_path", register_map_path, str, os.PathLike)
        check_argument("connection", connection, Connection, ConnectOptions, type(None))
        check_argument("options", options, SessionOptions, type(None))
        self._protocol = _protocol(protocol)
        self._register_map_path = os.fspath(register_map_path)
        self._reset = bool(reset)
        self._is_plain = False
        options = _with_behavior(options or SessionOptions(), initialization_behavior)
        if not isinstance(connection, Connection):
            connection = locate_device_server(connection, discovery_client)
        super().__init__(resource_name, connection, options)

    def get_register(self, name: str) -> int:
        """Return the value of a register.

        Raises:
            InvalidArgumentError: The device has no such register.
            SessionExpiredError: The session has ended.
            SessionSharingError: Another error that the server answered.
        """
        request = pb.ReadRegisterRequest(session_name=self.session_name, register_name=name)
        return self._ask(self._stub.ReadRegister, request).value

    def set_register(self, name: str, value: int) -> None:
        """Set a register to a value of at most 32 bits.

        Raises:
            InvalidArgumentError: The device has no such register, or the value does not fit.
            SessionSharingError: As `get_register`.
        """
        request = _message(
            pb.WriteRegisterRequest,
            session_name=self.session_name,
            register_name=name,
            value=value,
        )
        self._ask(self._stub.WriteRegister, request)

    def get_line(self, port: int, channel: int) -> bool:
        """Return whether a GPIO line is high.

        Args:
            port: The port, 0 to 3.
            channel: The line of the port, 0 to 7.

        Raises:
            InvalidArgumentError: There is no such line.
            SessionSharingError: As `get_register`.
        """
        request = _message(
            pb.ReadGpioChannelRequest, session_name=self.session_name, port=port, channel=channel
        )
        return self._ask(self._stub.ReadGpioChannel, request).state

    def set_line(self, port: int, channel: int, state: bool) -> None:
        """Drive a GPIO line high or low.

        Args:
            port: The port, 0 to 3.
            channel: The line of the port, 0 to 7.
            state: Whether the line is to be high.

        Raises:
            InvalidArgumentError: There is no such line.
            SessionSharingError: As `get_register`.
        """
        request = _message(
            pb.WriteGpioChannelRequest,
            session_name=self.session_name,
            port=port,
            channel=channel,
            state=state,
        )
        self._ask(self._stub.WriteGpioChannel, request)

    def get_port(self, port: int, mask: int = WHOLE_PORT) -> int:
        """Return the levels of a port's lines as bits; line 0 is the lowest bit.

        Args:
            port: The port, 0 to 3.
            mask: The lines to read; the other bits are 0.

        Raises:
            InvalidArgumentError: There is no such port, or the mask has more than 8 bits.
            SessionSharingError: As `get_register`.
        """
        request = _message(
            pb.ReadGpioPortRequest, session_name=self.session_name, port=port, mask=mask
        )
        return self._ask(self._stub.ReadGpioPort, request).state

    def set_port(self, port: int, state: int, mask: int = WHOLE_PORT) -> None:
        """Drive lines of a port.

        Args:
            port: The port, 0 to 3.
            state: The levels as bits; line 0 is the lowest bit.
            mask: The lines to drive; the others stay as they are.

        Raises:
            InvalidArgumentError: There is no such port, or mask or state has more than 8 bits.
            SessionSharingError: As `get_register`.
        """
        request = _message(
            pb.WriteGpioPortRequest,
            session_name=self.session_name,
            port=port,
            mask=mask,
            state=state,
        )
        self._ask(self._stub.WriteGpioPort, request)

    def reload_registers(self) -> None:
        """Set all registers to the values of the session's register map, which is read again.

        Raises:
            InvalidArgumentError: The session was opened without a register map.
            SessionSharingError: The register map cannot be read, or the session has ended.
        """
        path = self._register_map_path if self._is_plain else self.details["register_map"]
        if not path:
            raise InvalidArgumentError(
                f"{self.resource!r} was opened without a register map, so there is nothing to "
                "reload. Name a register map when you create the session."
            )
        request = self._initialize_request(InitializationBehavior.ATTACH_TO_SERVER_SESSION)
        request.reset, request.register_map_path = True, path
        self._ask(self._stub.Initialize, request)

    def read_register(self, register_name: str) -> str:
        """Return the value of a register as a text of 8 bits, as the reference's client does.

        Raises:
            BitsError: The value has more bits; `get_register` reads it.
            SessionSharingError: As `get_register`.
        """
        return as_bits(self.get_register(register_name))

    def write_register(self, register_name: str, value: str) -> None:
        """Set a register to a text of 8 bits, as the reference's client does.

        Raises:
            BitsError: The value is another text.
            SessionSharingError: As `set_register`.
        """
        self.set_register(register_name, from_bits(value))

    def read_gpio_channel(self, channel: int, port: int = 0) -> pb.ReadGpioChannelResponse:
        """Return a message whose field `state` says whether a line is high; see `get_line`."""
        return pb.ReadGpioChannelResponse(state=self.get_line(port, channel))

    def write_gpio_channel(self, channel: int, state: bool, port: int = 0) -> None:
        """Drive a line high or low; see `set_line`."""
        self.set_line(port, channel, state)

    def read_gpio_port(self, port: int, mask: int) -> str:
        """Return the levels of a port as a text of 8 bits; see `get_port`."""
        return as_bits(self.get_port(port, mask))

    def write_gpio_port(self, port: int, mask: int, state: str) -> None:
        """Drive lines of a port by a text of 8 bits; see `set_port`.

        Raises:
            BitsError: The state is another text.
            SessionSharingError: As `set_port`.
        """
        self.set_port(port, from_bits(state), mask)

    def call(
        self,
        method: Callable[..., _Response],
        request: object,
        *,
        repeatable: bool = False,
    ) -> _Response:
        """Call a method of the device; see `SharedSession.call`."""
        try:
            return super().call(method, request, repeatable=repeatable)
        except UnexpectedStatusError as error:
            raise explained(error) from error

    def _ask(self, method: Callable[..., _Response], request: object) -> _Response:
        """Call a method of the device as this attachment. Each sets a value or reads one."""
        fence = [] if self._is_plain else [(ATTACHMENT_KEY, self.attachment)]
        return self.call(partial(method, metadata=fence), request, repeatable=True)

    def _parameters(self) -> Mapping[str, str]:
        path = self._register_map_path
        return {
            "protocol": self._protocol.name,
            **({"register_map_path": path} if path else {}),
        }

    def _reopen(self) -> None:
        self._stub = device_comm_service_pb2_grpc.DeviceCommunicationStub(self.connection.channel)
        super()._reopen()
        if self._reset and not self.new_session and not self._is_plain:
            self.reload_registers()

    def _open(self) -> lifecycle_pb2.OpenResponse:
        self._is_plain = is_plain(self.connection)
        if not self._is_plain:
            return super()._open()
        request = self._initialize_request(self.options.behavior)
        try:
            opened = self.connection.call(self._stub.Initialize, request, repeatable=False)
        except UnexpectedStatusError as error:
            raise explained(error) from error
        return lifecycle_pb2.OpenResponse(
            session_name=opened.session_name, new_session=opened.new_session
        )

    def _detach(self) -> None:
        if not self._is_plain:
            super()._detach()
        elif closes_at_its_end(self.options.behavior, created=self.new_session):
            self._close()
        else:
            with self._ending:
                self._ended = True
                self._leave_connection()

    def _close(self) -> None:
        if not self._is_plain:
            super()._close()
        elif self.session_name:
            self._end(self._stub.Close, pb.CloseRequest(session_name=self.session_name))

    def _initialize_request(self, behavior: InitializationBehavior) -> pb.InitializeRequest:
        return pb.InitializeRequest(
            resource_name=self.resource,
            protocol=pb.Protocol.ValueType(self._protocol),
            reset=self._reset,
            register_map_path=self._register_map_path,
            initialization_behavior=behavior_on_the_wire(behavior),
        )


def _protocol(given: Any) -> Protocol:
    check_argument("protocol", given, int)
    try:
        return Protocol(given)
    except ValueError as error:
        names = ", ".join(member.name for member in Protocol)
        raise InvalidArgumentError(f"protocol is {given}; it must be one of {names}.") from error


def _with_behavior(options: SessionOptions, given: Any) -> SessionOptions:
    """Combine the two arguments that can name a behavior."""
    behavior = InitializationBehavior(getattr(given, "value", given))
    if behavior is InitializationBehavior.AUTO:
        return options
    if options.behavior not in (InitializationBehavior.AUTO, behavior):
        raise InvalidArgumentError(
            f"The arguments name different behaviors: {behavior.name} and "
            f"{options.behavior.name}. Name the behavior in one argument only."
        )
    return replace(options, behavior=behavior)


def _message(kind: Callable[..., _Response], **fields: Any) -> _Response:
    """Return a request.

    Raises:
        InvalidArgumentError: A number does not fit into its field.
    """
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        raise InvalidArgumentError(f"The device cannot take {given}: {error}") from error
