"""Define the errors that end a measurement; its caller gets them as gRPC statuses."""

from __future__ import annotations

import grpc

from plugin_kit.errors import PluginError


class MeasurementError(PluginError):
    """The measurement cannot be done. A plug-in raises it; the caller gets status and text.

    Attributes:
        status: The gRPC status with which the call ends.
    """

    status = grpc.StatusCode.UNKNOWN


class InvalidInputError(MeasurementError):
    """The plug-in cannot measure with a parameter, or with that parameter and the pin map."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class CancelledError(MeasurementError):
    """The caller cancelled the measurement."""

    status = grpc.StatusCode.CANCELLED


class DeadlineExceededError(MeasurementError):
    """The caller's deadline passed before the measurement was complete."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED
