"""Serve the reference's calls: decode a request, let the device act, encode the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from session_sharing.server import (
    Attachment,
    Context,
    InitializationBehavior,
    InvalidArgumentError,
    OpenRequest,
    ResourceLostError,
    Session,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRegistry,
    calls,
)

from device_comm import device_comm_service_pb2 as pb
from device_comm import device_comm_service_pb2_grpc
from device_comm.names import ATTACHMENT_KEY, KIND, Protocol
from device_comm.server.device import Device

_BEHAVIORS = {
    pb.SESSION_INITIALIZATION_BEHAVIOR_UNSPECIFIED: InitializationBehavior.AUTO,
    pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW: (
        InitializationBehavior.INITIALIZE_SERVER_SESSION
    ),
    pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING: (
        InitializationBehavior.ATTACH_TO_SERVER_SESSION
    ),
}
_Result = TypeVar("_Result")


class DeviceCommunicationServicer(device_comm_service_pb2_grpc.DeviceCommunicationServicer):
    """Serves clients of the reference, and clients with attachments, from one registry."""

    def __init__(self, registry: SessionRegistry, executor: Executor) -> None:
        """Serve the devices of a registry.

        Args:
            registry: The registry.
            executor: Runs the calls of the devices, whose lines may be real hardware.
        """
        self._registry = registry
        self._executor = executor

    async def Initialize(  # noqa: N802
        self, request: pb.InitializeRequest, context: Context
    ) -> pb.InitializeResponse:
        """See device_comm_service.proto."""
        attachment = self._attachment(context)
        opened = await asyncio.wrap_future(self._registry.open(_open_request(request)))
        session = opened.session
        if request.reset and not opened.new_session:
            if attachment is not None and attachment.session is not session:
                raise SessionExpiredError("Another session of the device was opened meanwhile.")
            await self._act(session, attachment, Device.reload)
        return pb.InitializeResponse(session_name=session.name, new_session=opened.new_session)

    async def WriteRegister(  # noqa: N802
        self, request: pb.WriteRegisterRequest, context: Context
    ) -> pb.StatusResponse:
        """See device_comm_service.proto."""
        await self._use(
            request.session_name,
            context,
            lambda device: device.write_register(request.register_name, request.value),
        )
        return pb.StatusResponse()

    async def ReadRegister(  # noqa: N802
        self, request: pb.ReadRegisterRequest, context: Context
    ) -> pb.ReadRegisterResponse:
        """See device_comm_service.proto."""
        value = await self._use(
            request.session_name,
            context,
            lambda device: device.read_register(request.register_name),
        )
        return pb.ReadRegisterResponse(value=value)

    async def WriteGpioChannel(  # noqa: N802
        self, request: pb.WriteGpioChannelRequest, context: Context
    ) -> pb.StatusResponse:
        """See device_comm_service.proto."""
        await self._use(
            request.session_name,
            context,
            lambda device: device.write_channel(request.port, request.channel, request.state),
        )
        return pb.StatusResponse()

    async def ReadGpioChannel(  # noqa: N802
        self, request: pb.ReadGpioChannelRequest, context: Context
    ) -> pb.ReadGpioChannelResponse:
        """See device_comm_service.proto."""
        state = await self._use(
            request.session_name,
            context,
            lambda device: device.read_channel(request.port, request.channel),
        )
        return pb.ReadGpioChannelResponse(state=state)

    async def WriteGpioPort(  # noqa: N802
        self, request: pb.WriteGpioPortRequest, context: Context
    ) -> pb.StatusResponse:
        """See device_comm_service.proto."""
        await self._use(
            request.session_name,
            context,
            lambda device: device.write_port(request.port, request.mask, request.state),
        )
        return pb.StatusResponse()

    async def ReadGpioPort(  # noqa: N802
        self, request: pb.ReadGpioPortRequest, context: Context
    ) -> pb.ReadGpioPortResponse:
        """See device_comm_service.proto."""
        state = await self._use(
            request.session_name,
            context,
            lambda device: device.read_port(request.port, request.mask),
        )
        return pb.ReadGpioPortResponse(state=state)

    async def Close(  # noqa: N802
        self, request: pb.CloseRequest, context: Context
    ) -> pb.StatusResponse:
        """See device_comm_service.proto."""
        session = self._registry.session(request.session_name)
        _device_of(session)
        closed = self._registry.close(session, calls.principal())
        await asyncio.wrap_future(closed)
        return pb.StatusResponse()

    def _attachment(self, context: Context) -> Attachment | None:
        """Return the live attachment of the caller; None for a client of the reference.

        Raises:
            SessionExpiredError: The attachment has ended.
        """
        for key, value in context.invocation_metadata() or ():
            if key == ATTACHMENT_KEY:
                return calls.attach(str(value))
        return None

    async def _use(self, name: str, context: Context, act: Callable[[Device], _Result]) -> _Result:
        """Let a device act: that of the attachment, if the caller has one, or of the named session.

        Raises:
            SessionExpiredError: The attachment has ended.
            SessionNotFoundError: There is no session of this name, or it belongs to no device.
        """
        attachment = self._attachment(context)
        session = self._registry.session(name) if attachment is None else attachment.session
        if attachment is None:
            self._registry.touch(session)
        return await self._act(session, attachment, act)

    async def _act(
        self, session: Session, attachment: Attachment | None, act: Callable[[Device], _Result]
    ) -> _Result:
        """Let a device act in a worker thread.

        A client of the reference has no attachment, so the device itself orders its calls and
        refuses those that come after its end.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, act, _device_of(session))
        except SessionExpiredError:
            if attachment is None:
                self._registry.session(session.name)  # is not found any more
            raise
        except ResourceLostError as error:
            self._registry.fail(session, str(error))
            raise


def _device_of(session: Session) -> Device:
    """Return the device of a session.

    Raises:
        SessionNotFoundError: The session belongs to another resource.
    """
    if not isinstance(session.resource, Device):
        raise SessionNotFoundError(f"The session {session.name!r} is not one of a device.")
    return session.resource


def _open_request(request: pb.InitializeRequest) -> OpenRequest:
    """Translate a request to initialize.

    Raises:
        InvalidArgumentError: The resource is not named, or the protocol or behavior is unknown.
    """
    behavior = _BEHAVIORS.get(request.initialization_behavior)
    if behavior is None:
        raise InvalidArgumentError(
            f"The initialization behavior {request.initialization_behavior} is unknown. "
            "Use 0, 1 or 2."
        )
    known = {int(one): one.name for one in Protocol}
    return OpenRequest(
        KIND,
        request.resource_name,
        behavior=behavior,
        label="a client of the reference protocol",
        principal=calls.principal(),
        parameters={
            "protocol": known.get(request.protocol, str(request.protocol)),
            "register_map_path": request.register_map_path,
        },
    )
