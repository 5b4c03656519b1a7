"""The errors of the platform. Each becomes one gRPC status."""

from __future__ import annotations


class PlatformSimError(Exception):
    """Root of all errors that this package raises."""


class InvalidRequestError(PlatformSimError):
    """An argument is invalid. Correct the request."""


class NotKnownError(PlatformSimError):
    """The caller names something that does not exist."""


class AlreadyKnownError(PlatformSimError):
    """The caller adds something that exists already."""


class AmbiguousRequestError(PlatformSimError):
    """Several things match the request. Name one of them."""


class NotAvailableError(PlatformSimError):
    """The thing exists but cannot be used now."""


class OtherUserError(PlatformSimError):
    """The caller is another user of this machine. The platform answers only its own user."""


class UntrustedFileError(PlatformSimError):
    """Another user could have changed a file that would run."""


class LimitReachedError(PlatformSimError):
    """A number, such as that of the registered services, is at its limit."""


class PluginStartError(NotAvailableError):
    """A service could not be started from its .serviceconfig file."""


class PinMapSyntaxError(InvalidRequestError):
    """A pin map cannot be read.

    Attributes:
        problem: The error text without the line.
        line: 1-based line in the XML text, 0 if unknown.
    """

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem = problem
        self.line = line


class ServiceConfigError(PlatformSimError):
    """A .serviceconfig file cannot be read, or a key is missing in it."""


class StateFileError(PlatformSimError):
    """A state file cannot be used: wrong owner, mode or content, or a running platform has it."""


class PlatformNotFoundError(PlatformSimError):
    """No running platform was found."""
