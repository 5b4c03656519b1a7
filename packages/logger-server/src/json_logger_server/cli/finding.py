"""Which file, or which open session, the name means that a command was given."""

from __future__ import annotations

from pathlib import Path

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.client import Connection, ResourceNotFoundError, SessionSharingError
from session_sharing.v1 import lifecycle_pb2

from json_logger_server.cli.target import find_session, open_connection


def find_file(name: str, state_file: Path | None, target: str | None) -> Path:
    """Find a log on disk: as a path from here, or as a name for the server.

    Raises:
        SessionSharingError: There is none; the message says where it was looked for.
    """
    if Path(name).is_file():
        return Path(name)
    try:
        connection = open_connection(state_file, target)
    except SessionSharingError as error:
        raise ResourceNotFoundError(
            f"There is no file {name!r} here, and no server could be asked for a log of that "
            f"name: {error}"
        ) from error
    with connection:
        session = find_session(connection, name)
        return path_of(session, name) if session else locate(connection, name)


def path_of(session: lifecycle_pb2.SessionInfo, name: str) -> Path:
    """Give the file of an open log.

    Raises:
        ResourceNotFoundError: It is not on this host.
    """
    path = Path(session.details.get("path", session.resource))
    if not path.is_file():
        raise ResourceNotFoundError(f"{name!r} is {path} on its server's host, but not here.")
    return path


def locate(connection: Connection, name: str) -> Path:
    """Ask a server for the file of a log that is not open.

    Raises:
        SessionSharingError: It knows none, or the file is not on this host.
    """
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
    # A server knows no names that are not UTF-8, and those cannot be sent.
    request = pb.LocateRequest(name=name.encode(errors="replace").decode())
    try:
        path = Path(connection.call(stub.Locate, request).path)
    except SessionSharingError as error:
        raise ResourceNotFoundError(
            f"There is no file {name!r} here, and the server has no log of that name: {error}"
        ) from error
    if not path.is_file():
        raise ResourceNotFoundError(f"{name!r} is {path} on its server's host, but not here.")
    return path
