"""Define a measurement that counts, waits, fails, or dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import ni_measurement_plugin_sdk_service as nims
from plugin_kit.hosting import (
    InvalidInputError,
    MeasurementCall,
    MeasurementError,
    reported_to_caller,
)

measurement_service = nims.MeasurementService(
    service_config_path=Path(__file__).parent / "data" / "PlainPlugin.serviceconfig",
    ui_file_paths=[],
)


class NotThereError(MeasurementError):
    status = grpc.StatusCode.NOT_FOUND


def fail_with_status() -> None:
    raise InvalidInputError("count is 13.")


def fail_with_own_status() -> None:
    raise NotThereError("no such thing.")


def fail_with_grpc_error() -> None:
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        channel.unary_unary("/no/Where")(b"")


def fail_with_any_error() -> None:
    raise LookupError("as asked")


def mark(text: str, file: str) -> None:
    """Write the text into the mark file, if the caller named one.

    The file is not replaced: Windows refuses that while the test reads it.
    """
    if file:
        Path(file).write_text(text)


WAYS = {
    "status": fail_with_status,
    "own status": fail_with_own_status,
    "grpc": fail_with_grpc_error,
    "error": fail_with_any_error,
    "die": lambda: os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL),
}


@measurement_service.register_measurement
@measurement_service.configuration("count", nims.DataType.Int32, 3)
@measurement_service.configuration("fails", nims.DataType.String, "")
@measurement_service.configuration("seconds", nims.DataType.Double, 0.0)
@measurement_service.configuration("mark file", nims.DataType.Path, "")
@measurement_service.output("number", nims.DataType.Int32)
@measurement_service.output("sites", nims.DataType.Int32Array1D)
def measure(
    count: int, fails: str, seconds: float, mark_file: str
) -> Iterator[tuple[int, list[int]]]:
    with reported_to_caller(measurement_service):
        WAYS.get(fails, lambda: None)()
        call = MeasurementCall(measurement_service)
        sites = list(measurement_service.context.pin_map_context.sites or [])
        for number in range(1, count + 1):
            yield number, sites
            mark("measuring", mark_file)
            try:
                call.pause(seconds)
            except MeasurementError as error:
                mark(type(error).__name__, mark_file)
                raise
