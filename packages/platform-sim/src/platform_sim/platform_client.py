"""A client of the platform's services for the command line, the plug-in client and tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import session_pb2
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as discovery_pb
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2 as pin_map_pb
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2_grpc
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as session_pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc

from platform_sim.channels import open_channel, status_of_error, text_of_error
from platform_sim.discovery.last_run import METHOD as LAST_RUN
from platform_sim.discovery.last_run import LastRun, decode_last_run, encode_request
from platform_sim.errors import (
    InvalidRequestError,
    NotAvailableError,
    NotKnownError,
    PlatformSimError,
)
from platform_sim.pin_map.site_numbers import SITE_NUMBERS_KEY, connected_sites, decode_sites

_SIGNS_OF_NOBODY = ("failed to connect", "errors resolving", "DNS resolution failed")
"""What gRPC says when no server is there, or its host has no address."""


class PlatformClient:
    """Calls discovery, pin map and session management of one platform."""

    def __init__(self, discovery_address: str) -> None:
        """Makes a client; nothing is sent before the first call.

        Args:
            discovery_address: HOST:PORT of the platform, which serves all three there.
        """
        self._address = discovery_address
        self._channel = open_channel(discovery_address)
        self._discovery = discovery_service_pb2_grpc.DiscoveryServiceStub(self._channel)
        self._pin_map = pin_map_service_pb2_grpc.PinMapServiceStub(self._channel)
        self._sessions = session_management_service_pb2_grpc.SessionManagementServiceStub(
            self._channel
        )

    def __enter__(self) -> PlatformClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def services(self) -> list[discovery_pb.ServiceDescriptor]:
        """Returns the services that run or can be started."""
        with self._errors():
            response = self._discovery.EnumerateServices(discovery_pb.EnumerateServicesRequest())
        return list(response.available_services)

    def active_services(self) -> list[discovery_pb.ActiveServiceInformation]:
        """Returns the running services with their locations."""
        with self._errors():
            response = self._discovery.EnumerateActiveServices(
                discovery_pb.EnumerateActiveServicesRequest()
            )
        return list(response.active_services)

    def address_of(self, service_class: str) -> str:
        """Returns HOST:PORT of a running service, "" if it does not run."""
        for active in self.active_services():
            if active.service_descriptor.service_class == service_class:
                location = active.service_location
                return f"{location.location}:{location.insecure_port}"
        return ""

    def interfaces_of(self, service_class: str) -> list[str]:
        """Returns the interfaces of a service class, nothing for an unknown one."""
        with self._errors():
            response = self._discovery.EnumerateServices(
                discovery_pb.EnumerateServicesRequest(service_class=service_class)
            )
        return [name for one in response.available_services for name in one.provided_interfaces]

    def resolve(self, interface: str, service_class: str = "", *, version: str = "") -> str:
        """Returns HOST:PORT of a service, started if need be."""
        with self._errors():
            location = self._discovery.ResolveService(
                discovery_pb.ResolveServiceRequest(
                    provided_interface=interface, service_class=service_class, version=version
                )
            )
        return f"{location.location}:{location.insecure_port}"

    def last_run(self, address: str, *, wait: float = 0) -> LastRun | None:
        """Returns what became of the plug-in at an address.

        Args:
            address: HOST:PORT of a plug-in, which may have ended.
            wait: Seconds to wait for its end, up to 5.

        Returns:
            None for a plug-in that the platform did not start.
        """
        ask: Any = self._channel.unary_unary(LAST_RUN)
        with self._errors():
            answer: bytes = ask(encode_request(address.rpartition(":")[2], wait))
        return decode_last_run(answer)

    def load_pin_map(self, file: Path) -> str:
        """Loads a .pinmap file and returns its id, which is its path."""
        try:
            xml = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise InvalidRequestError(f"{file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise InvalidRequestError(f"{file} is not UTF-8. Save it as UTF-8.") from error
        with self._errors():
            response = self._pin_map.UpdatePinMapFromXml(
                pin_map_pb.UpdatePinMapFromXmlRequest(pin_map_id=str(file), pin_map_xml=xml)
            )
        return response.pin_map_id

    def site_numbers(self, pin_map_id: str) -> list[int]:
        """Returns the sites of a pin map, none if no pin map has this id."""
        request = pin_map_pb.GetPinMapRequest(pin_map_id=pin_map_id)
        try:
            _, call = self._pin_map.GetPinMap.with_call(request)
        except grpc.RpcError as error:
            if status_of_error(error) is grpc.StatusCode.NOT_FOUND:
                return []
            raise self._as_own(error) from error
        for key, text in call.trailing_metadata() or ():
            if key == SITE_NUMBERS_KEY:
                return decode_sites(str(text))
        with self._errors():
            everything = self._pin_map.QueryResourceAccessInformation(
                pin_map_pb.QueryResourceAccessInformationRequest(pin_map_id=pin_map_id)
            )
        return connected_sites(everything)

    def sessions(self) -> list[session_pb.SessionInformation]:
        """Returns the sessions that are reserved or registered."""
        with self._errors():
            response = self._sessions.GetSessions(session_pb.GetSessionsRequest())
        return list(response.sessions)

    def free(self, session_name: str) -> None:
        """Ends the reservation of a session, whoever holds it.

        Raises:
            NotKnownError: Nobody holds it.
        """
        held = sorted(one.session.name for one in self.sessions() if one.session_reserved)
        if session_name not in held:
            raise NotKnownError(
                f"No session {session_name!r} is reserved; there are: {', '.join(held) or 'none'}."
            )
        session = session_pb.SessionInformation(session=session_pb2.Session(name=session_name))
        with self._errors():
            self._sessions.UnreserveSessions(
                session_pb.UnreserveSessionsRequest(sessions=[session])
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            raise self._as_own(error) from error

    def _as_own(self, error: grpc.RpcError) -> PlatformSimError:
        text = text_of_error(error)
        if any(sign in text for sign in _SIGNS_OF_NOBODY):
            return NotAvailableError(
                f"No platform answers at {self._address}. Start one with 'platform-sim up'."
            )
        return PlatformSimError(text)
