"""The JsonLogger service of the reference: three calls, without a client identity."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from json_logger_proto.names import KIND
from session_sharing.core.events import utc_now
from session_sharing.server import (
    Context,
    InitializationBehavior,
    InvalidArgumentError,
    OpenRequest,
    SessionRegistry,
    calls,
)

from json_logger_server.batch import PendingBatch
from json_logger_server.json_log import log_of
from json_logger_server.records import ReferenceRecord
from json_logger_server.services.append import append

_EPOCH = datetime(1970, 1, 1)
_SECOND = 1_000_000_000
_BEHAVIORS = {
    pb.SESSION_INITIALIZATION_BEHAVIOR_UNSPECIFIED: InitializationBehavior.AUTO,
    pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW: (
        InitializationBehavior.INITIALIZE_SERVER_SESSION
    ),
    pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING: (
        InitializationBehavior.ATTACH_TO_SERVER_SESSION
    ),
}


class ReferenceServicer(json_logger_pb2_grpc.JsonLoggerServicer):
    """Serves clients of the reference protocol from the registry that all clients share."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry

    async def InitializeFile(  # noqa: N802
        self, request: pb.InitializeFileRequest, context: Context
    ) -> pb.InitializeFileResponse:
        """See json_logger.proto."""
        behavior = _BEHAVIORS.get(request.initialization_behavior)
        if behavior is None:
            raise InvalidArgumentError(
                f"The initialization behavior {request.initialization_behavior} is unknown. "
                "Use 0, 1 or 2."
            )
        wanted = OpenRequest(
            KIND,
            request.file_path,
            behavior=behavior,
            label="a client of the reference protocol",
            principal=calls.principal(),
        )
        opened = await asyncio.wrap_future(self._registry.open(wanted))
        return pb.InitializeFileResponse(
            session_name=opened.session.name, new_session=opened.new_session
        )

    async def LogMeasurementData(  # noqa: N802
        self, request: pb.LogMeasurementDataRequest, context: Context
    ) -> pb.LogMeasurementDataResponse:
        """See json_logger.proto."""
        session = self._registry.session(request.session_name)
        self._registry.touch(session)
        record = ReferenceRecord(
            rfc3339(request.timestamp) if request.HasField("timestamp") else now(),
            request.measurement_name,
            _texts(request.measurement_configurations),
            _texts(request.measurement_outputs),
        )
        await append(self._registry, session, PendingBatch([record], size=request.ByteSize()))
        return pb.LogMeasurementDataResponse()

    async def CloseFile(  # noqa: N802
        self, request: pb.CloseFileRequest, context: Context
    ) -> pb.CloseFileResponse:
        """See json_logger.proto."""
        session = self._registry.session(request.session_name)
        log_of(session)
        closed = self._registry.close(session, calls.principal())
        await asyncio.wrap_future(closed)
        return pb.CloseFileResponse()


def now() -> str:
    """Return the server's time as text in UTC."""
    return utc_now().isoformat(timespec="microseconds").replace("+00:00", "Z")


def rfc3339(timestamp: Timestamp) -> str:
    """Return a client's time as text in UTC, with nanoseconds if it has them.

    Raises:
        InvalidArgumentError: The time is not between the years 1 and 9999.
    """
    nanos = timestamp.nanos
    if not 0 <= nanos < _SECOND:
        raise InvalidArgumentError(
            f"The timestamp has {nanos} nanoseconds; it must have 0 to {_SECOND - 1}."
        )
    try:
        moment = _to_the_second(timestamp.seconds)
    except OverflowError as error:
        raise InvalidArgumentError("The timestamp is not between the years 1 and 9999.") from error
    fraction = f".{nanos:09}".removesuffix("000").removesuffix("000") if nanos else ""
    return f"{moment}{fraction}Z"


@lru_cache(maxsize=16)
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def _texts(values: Mapping[str, str]) -> dict[str, str]:
    """Copy a protobuf map. This is faster than `dict`, which needs half as long again."""
    return {name: values[name] for name in values}
