"""Measure nothing, under the lock that its pin names."""

from __future__ import annotations

import os
from pathlib import Path

import ni_measurement_plugin_sdk_service as nims
from plugin_kit.hosting import InvalidInputError, MeasurementCall, reported_to_caller
from session_sharing.client import (
    ConnectOptions,
    InitializationBehavior,
    SessionOptions,
    SharedSession,
)
from session_sharing.ni import SessionConstructor

INSTRUMENT_TYPE = "HardwareLock"

measurement_service = nims.MeasurementService(
    service_config_path=Path(__file__).parent / "data" / "LockPlugin.serviceconfig",
    ui_file_paths=[],
)


class LockSession(SharedSession):
    kind = "lock"


class LockConstructor(SessionConstructor[LockSession]):
    def open(self, resource: str, behavior: InitializationBehavior) -> LockSession:
        return LockSession(
            resource, ConnectOptions(os.environ["LOCK_TARGET"]), SessionOptions(behavior)
        )


@measurement_service.register_measurement
@measurement_service.configuration("pin", nims.DataType.String, "Lock")
@measurement_service.configuration("seconds", nims.DataType.Double, 0.0)
@measurement_service.output("resource", nims.DataType.String)
@measurement_service.output("new_session", nims.DataType.Boolean)
def measure(pin: str, seconds: float) -> tuple[str, bool]:
    with reported_to_caller(measurement_service):
        if seconds < 0:
            raise InvalidInputError("seconds is negative.")
        if seconds == 13:
            raise LookupError("as told")
        call = MeasurementCall(measurement_service)
        with (
            call.reserve([pin]) as reservation,
            reservation.initialize_session(LockConstructor(), INSTRUMENT_TYPE) as lock,
        ):
            call.pause(seconds)
            return lock.session.resource, lock.session.new_session
