"""Call the services of a measurement platform: discovery, pin map and session management."""

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

from plugin_kit.calling.channels import open_channel, status_of_error, text_of_error
from plugin_kit.calling.extensions import (
    LAST_RUN_METHOD,
    SITE_NUMBERS_KEY,
    LastRun,
    LastRunRequest,
    decode_sites,
)
from plugin_kit.errors import PlatformError, PlatformUnavailableError

_SYSTEM_SITE = -1
"""Site number of system pins."""

_SIGNS_OF_NOBODY = ("failed to connect", "errors resolving", "DNS resolution failed")
"""Texts of gRPC when no server listens at the address, or its host has no address."""


class PlatformClient:
    """Calls discovery, pin map and session management of one platform."""

    def __init__(self, discovery_address: str) -> None:
        """Make a client; nothing is sent before the first call.

        Args:
            discovery_address: HOST:PORT of the platform, at which it serves all three services.
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
        """Close the connection."""
        self._channel.close()

    def services(self) -> list[discovery_pb.ServiceDescriptor]:
        """Return the services that run or can be started."""
        with self._errors():
            response = self._discovery.EnumerateServices(discovery_pb.EnumerateServicesRequest())
        return list(response.available_services)

    def active_services(self) -> list[discovery_pb.ActiveServiceInformation]:
        """Return the running services with their locations."""
        with self._errors():
            response = self._discovery.EnumerateActiveServices(
                discovery_pb.EnumerateActiveServicesRequest()
            )
        return list(response.active_services)

    def address_of(self, service_class: str) -> str:
        """Return HOST:PORT of a running service, "" if it does not run."""
        for active in self.active_services():
            if active.service_descriptor.service_class == service_class:
                location = active.service_location
                return f"{location.location}:{location.insecure_port}"
        return ""

    def interfaces_of(self, service_class: str) -> list[str]:
        """Return the interfaces of a service class, none if it is unknown."""
        with self._errors():
            response = self._discovery.EnumerateServices(
                discovery_pb.EnumerateServicesRequest(service_class=service_class)
            )
        return [name for one in response.available_services for name in one.provided_interfaces]

    def resolve(self, interface: str, service_class: str = "", *, version: str = "") -> str:
        """Return HOST:PORT of a service; discovery starts it if necessary."""
        with self._errors():
            location = self._discovery.ResolveService(
                discovery_pb.ResolveServiceRequest(
                    provided_interface=interface, service_class=service_class, version=version
                )
            )
        return f"{location.location}:{location.insecure_port}"

    def last_run(self, address: str, *, wait: float = 0) -> LastRun | None:
        """Return how the plug-in at an address ended, and its last output.

        Args:
            address: HOST:PORT of a plug-in, which may have ended.
            wait: Seconds to wait for its end, up to 5.

        Returns:
            None for a plug-in that the platform did not start.
        """
        ask: Any = self._channel.unary_unary(LAST_RUN_METHOD)
        with self._errors():
            answer: bytes = ask(LastRunRequest(address.rpartition(":")[2], wait).encode())
        return LastRun.decode(answer)

    def load_pin_map(self, file: Path) -> str:
        """Load a .pinmap file and return its id, which is its path."""
        try:
            xml = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise PlatformError(f"The pin map {file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise PlatformError(f"The pin map {file} is not UTF-8. Save it as UTF-8.") from error
        with self._errors():
            response = self._pin_map.UpdatePinMapFromXml(
                pin_map_pb.UpdatePinMapFromXmlRequest(pin_map_id=str(file), pin_map_xml=xml)
            )
        return response.pin_map_id

    def site_numbers(self, pin_map_id: str) -> list[int]:
        """Return the sites of a pin map, none if no pin map has this id."""
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
        return _connected_sites(everything)

    def pins(self, pin_map_id: str, instrument_type: str = "") -> list[str]:
        """Return the names of the pins of a pin map, and after them those of its pin groups.

        Args:
            pin_map_id: Id of a loaded pin map.
            instrument_type: Only pins and groups that are connected to this type of instrument,
                such as "niDMM"; "" for all.

        Raises:
            PlatformError: No pin map has this id.
        """
        with self._errors():
            response = self._pin_map.QueryPins(
                pin_map_pb.QueryPinsRequest(
                    pin_map_id=pin_map_id, instrument_type_id=instrument_type
                )
            )
        pins = [pin.display_name for pin in response.pins]
        return pins + [group.display_name for group in response.pin_groups]

    def sessions(self) -> list[session_pb.SessionInformation]:
        """Return the sessions that are reserved or registered."""
        with self._errors():
            response = self._sessions.GetSessions(session_pb.GetSessionsRequest())
        return list(response.sessions)

    def free(self, session_name: str) -> None:
        """End the reservation of a session, whichever program has it.

        Raises:
            PlatformError: The session is not reserved.
        """
        held = sorted(one.session.name for one in self.sessions() if one.session_reserved)
        if session_name not in held:
            raise PlatformError(
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

    def _as_own(self, error: grpc.RpcError) -> PlatformError:
        text = text_of_error(error)
        if any(sign in text for sign in _SIGNS_OF_NOBODY):
            return PlatformUnavailableError(
                f"No platform answers at {self._address}. Start one with 'platform-sim up'."
            )
        return PlatformError(text)


def _connected_sites(response: pin_map_pb.QueryResourceAccessInformationResponse) -> list[int]:
    """Return the sites that have connections; NI's service does not list other sites."""
    sites = {
        mapping.site
        for resource in response.resource_access_information
        for mapping in resource.channel_mappings
    }
    return sorted(sites - {_SYSTEM_SITE})
