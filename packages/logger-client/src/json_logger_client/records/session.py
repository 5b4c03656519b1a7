"""Read the acknowledged records of an open session by its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.log_files.lines import NEWLINE
from session_sharing.client import ConnectionClosedError, ServerDrainingError, from_rpc_error

from json_logger_client.records.sources import Lines

if TYPE_CHECKING:
    from json_logger_client.client import JsonLoggerClient


class SessionSource:
    """The records that an open log has when it is first read. Its server reads them."""

    def __init__(self, session: JsonLoggerClient) -> None:
        """Prepare to read.

        Raises:
            InheritedClientError: The session belongs to the parent process.
        """
        session.owner.check()
        self._session = session
        self._file = session.path if Path(session.path).is_file() else ""
        self._end: int | None = None
        """Bytes in all, once they were read."""

    @property
    def size(self) -> int:
        """Number of bytes in all; 0 before they were read once."""
        return self._end or 0

    @property
    def logs(self) -> int:
        """Number of logs: 1."""
        return 1

    def lines(self) -> Iterator[Lines]:
        """Yield the lines as the server sends them.

        Raises:
            ConnectionClosedError: The session has ended.
            ServerDrainingError: The server is stopping.
            SessionSharingError: The server cannot read the log, or cannot be reached.
        """
        connection = self._session.connection
        if connection.closed:  # gRPC ends the program when a closed channel is used
            raise ConnectionClosedError("The session has ended. Read the log by its path.")
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
        request = pb.TailRequest(session_name=self._session.session_name)
        position, line = 0, 1
        answers = stub.Tail(request)
        try:
            for answer in answers:
                if answer.draining:
                    raise ServerDrainingError("The server is stopping; read the log's file.")
                data = answer.ndjson
                if self._end is not None:
                    data = data[: self._end - position]
                if not data:
                    break
                yield Lines(data, self._session.path, self._file, line)
                position += len(data)
                line += data.count(NEWLINE)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            answers.cancel()
        self._end = position
