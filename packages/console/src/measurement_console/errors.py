"""Define the errors of this package."""

from __future__ import annotations

import grpc
import grpc.aio


class ConsoleError(Exception):
    """Root of all errors that this package raises."""


class ServiceCallError(ConsoleError):
    """A service refused a call, cannot be reached, or does not have what was asked.

    Attributes:
        status: The gRPC status.
    """

    def __init__(self, text: str, status: grpc.StatusCode) -> None:
        super().__init__(text)
        self.status = status

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> ServiceCallError:
        """Return the error of a failed call."""
        return cls(error.details() or error.code().name, error.code())

    @property
    def is_away(self) -> bool:
        """Whether the server cannot be reached."""
        return self.status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
