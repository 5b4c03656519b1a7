"""A plug-in that streams, waits, fails, logs or sends much, according to its configuration."""

from __future__ import annotations

import logging
import threading
from enum import Enum
from pathlib import Path

import grpc
import ni_measurement_plugin_sdk_service as nims

FOLDER = Path(__file__).parent
logging.basicConfig(level=logging.INFO)

service = nims.MeasurementService(
    service_config_path=FOLDER / "behaviour.serviceconfig", ui_file_paths=[]
)


class Mode(Enum):
    """The behavior."""

    RETURN = 0
    YIELD = 1
    YIELD_AND_RETURN = 2
    RAISE = 3
    ABORT = 4
    WAIT_FOR_CANCEL = 5


@service.register_measurement
@service.configuration("mode", nims.DataType.Enum, Mode.RETURN, enum_type=Mode)
@service.configuration("count", nims.DataType.Int32, 3)
@service.configuration("mark file", nims.DataType.Path, "")
@service.output("number", nims.DataType.Int32)
@service.output("data", nims.DataType.DoubleArray1D)
@service.output("sites", nims.DataType.Int32Array1D)
@service.output("pin map", nims.DataType.String)
def measure(mode, count, mark_file):
    logging.info("measuring in mode %s", mode.name)
    if mode is Mode.RAISE:
        raise ValueError("the probe fell off")
    if mode is Mode.ABORT:
        service.context.abort(grpc.StatusCode.OUT_OF_RANGE, "too much")
    if mode is Mode.RETURN:
        return result(count, [1.5] * count)
    if mode is Mode.WAIT_FOR_CANCEL:
        return wait_for_cancel(mark_file)
    return stream(mode, count)


def result(number, data):
    where = service.context.pin_map_context
    return number, data, list(where.sites or []), where.pin_map_id


def stream(mode, count):
    for number in range(1, count + 1):
        yield result(number, [])
    if mode is Mode.YIELD_AND_RETURN:
        return result(-1, [])
    return None


def wait_for_cancel(mark_file):
    cancelled = threading.Event()
    service.context.add_cancel_callback(cancelled.set)
    try:
        yield result(0, [])
        # Much longer than a test waits for the mark. A cancellation that comes while the first
        # update is on its way ends this generator in place of the wait.
        cancelled.wait(60)
    finally:
        Path(mark_file).write_text("cancelled")


if __name__ == "__main__":
    with service.host_service():
        input("Press enter to close the measurement service.\n")
