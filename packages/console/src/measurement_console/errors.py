"""Define the errors of the console."""

from __future__ import annotations


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
