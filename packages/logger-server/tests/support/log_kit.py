"""Open and use logs, for the promises of sessions."""

from __future__ import annotations

from json_logger_client import JsonLoggerClient
from session_sharing.client import Connection, ConnectOptions, SessionOptions, SharedSession


def resource(name: str) -> str:
    return f"{name}.ndjson"


def open_session(
    resource: str, connection: Connection | ConnectOptions, options: SessionOptions
) -> SharedSession:
    return JsonLoggerClient(resource, connection=connection, options=options)


def use(session: SharedSession) -> object:
    assert isinstance(session, JsonLoggerClient)
    return session.log_data("m", {}, {})
