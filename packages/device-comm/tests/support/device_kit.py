"""Open and use devices, for the promises of sessions."""

from __future__ import annotations

from device_comm import DeviceCommunicationClient
from session_sharing.client import Connection, ConnectOptions, SessionOptions, SharedSession


def resource(name: str) -> str:
    return name


def open_session(
    resource: str, connection: Connection | ConnectOptions, options: SessionOptions
) -> SharedSession:
    return DeviceCommunicationClient(resource, connection=connection, options=options)


def use(session: SharedSession) -> object:
    assert isinstance(session, DeviceCommunicationClient)
    return session.set_port(0, 0xFF)
