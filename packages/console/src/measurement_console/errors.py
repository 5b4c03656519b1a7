"""Define the errors of the console."""

from __future__ import annotations

import grpc


class ConsoleError(Exception):
    """Root of all errors that this package raises."""


class OptionsError(ConsoleError):
    """The options of the console contradict each other, or a file cannot be read."""


class RunningConsoleError(ConsoleError):
    """The request to a running console failed, or no console runs."""


class RefusedError(ConsoleError):
    """The console refuses what a browser asks for."""

    def __init__(self, status: int, message: str) -> None:
        """Give the HTTP status, and the text that the user reads."""
        super().__init__(message)
        self.status = status


class ServiceCallError(ConsoleError):
    """A service refused a call, cannot be reached, or does not have what was asked."""

    def __init__(self, text: str, status: grpc.StatusCode) -> None:
        """Give the reason, and the gRPC status."""
        super().__init__(text)
        self.status = status

    @property
    def is_away(self) -> bool:
        """Whether the server cannot be reached."""
        return self.status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
