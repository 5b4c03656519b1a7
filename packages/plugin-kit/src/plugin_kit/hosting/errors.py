"""The errors with which a measurement ends; its caller gets them as gRPC statuses."""

from __future__ import annotations

import grpc

from plugin_kit.errors import PluginError


class MeasurementError(PluginError):
    """A measurement that cannot be done. A plug-in raises it; its caller gets status and text.

    Attributes:
        status: The gRPC status with which the call ends.
    """

    status = grpc.StatusCode.UNKNOWN


class InvalidInputError(MeasurementError):
    """A parameter, or the pin map with it, asks for what the plug-in cannot do."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class CancelledError(MeasurementError):
    """The caller cancelled the measurement."""

    status = grpc.StatusCode.CANCELLED


class DeadlineExceededError(MeasurementError):
    """The caller's deadline passed before the measurement was complete."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED
