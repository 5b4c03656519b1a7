"""Find the file of a log by the name that a command was given."""

from __future__ import annotations

from pathlib import Path

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.client import Connection, ResourceNotFoundError, SessionSharingError
from session_sharing.v1 import lifecycle_pb2

from json_logger_server.cli.target import find_session, open_connection


def find_file(name: str, state_file: Path | None, target: str | None) -> Path:
    """Return the file of a log: `name` is a path on this host, or the server knows it.

    Raises:
        SessionSharingError: No log was found; the message names the places that were searched.
    """
    if Path(name).is_file():
        return Path(name)
    try:
        connection = open_connection(state_file, target)
    except SessionSharingError as error:
        raise ResourceNotFoundError(
            f"There is no file {name!r} on this host, and no server could be asked for a log of "
            f"that name: {error}"
        ) from error
    with connection:
        session = find_session(connection, name)
        return path_of(session, name) if session else locate(connection, name)


def path_of(session: lifecycle_pb2.SessionInfo, name: str) -> Path:
    """Return the file of an open log.

    Raises:
        ResourceNotFoundError: The file is not on this host.
    """
    path = Path(session.details.get("path", session.resource))
    if not path.is_file():
        raise _not_on_this_host(name, path)
    return path


def locate(connection: Connection, name: str) -> Path:
    """Ask a server for the file of a log that is not open.

    Raises:
        SessionSharingError: The server has no such log, or the file is not on this host.
    """
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
    # gRPC cannot send a name that is not UTF-8. The server has no log of such a name.
    request = pb.LocateRequest(name=name.encode(errors="replace").decode())
    try:
        path = Path(connection.call(stub.Locate, request).path)
    except SessionSharingError as error:
        raise ResourceNotFoundError(
            f"There is no file {name!r} on this host, and the server has no log of that name: "
            f"{error}"
        ) from error
    if not path.is_file():
        raise _not_on_this_host(name, path)
    return path


def _not_on_this_host(name: str, path: Path) -> ResourceNotFoundError:
    return ResourceNotFoundError(
        f"The log {name!r} is the file {path} on its server's host, but this host has no such "
        "file. Run the command on the server's host."
    )
