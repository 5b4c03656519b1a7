"""The errors of the platform, each with the meaning that a gRPC status gives it on the wire."""

from __future__ import annotations


class PlatformSimError(Exception):
    """Root of all errors that this package raises."""


class InvalidRequestError(PlatformSimError):
    """The caller passed something that can never be right."""


class NotKnownError(PlatformSimError):
    """What the caller names does not exist."""


class AlreadyKnownError(PlatformSimError):
    """What the caller wants to add exists."""


class AmbiguousRequestError(PlatformSimError):
    """More than one thing matches the request."""


class NotAvailableError(PlatformSimError):
    """It exists but cannot be had now."""


class OtherUserError(PlatformSimError):
    """The caller is another user of this machine, and the platform is its own user's alone."""


class UntrustedFileError(PlatformSimError):
    """Another user could have written a file that would be run."""


class LimitReachedError(PlatformSimError):
    """There are as many as there may be."""


class PluginStartError(NotAvailableError):
    """A service could not be started from its .serviceconfig file."""


class PinMapSyntaxError(InvalidRequestError):
    """A pin map cannot be read.

    Attributes:
        problem: What is wrong, without the line.
        line: 1-based line in the XML text, 0 when unknown.
    """

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)
        self.problem = problem
        self.line = line


class ServiceConfigError(PlatformSimError):
    """A .serviceconfig file cannot be read or lacks a key."""


class StateFileError(PlatformSimError):
    """A state file cannot be used: wrong owner or mode, a live owner, or unreadable content."""


class PlatformNotFoundError(PlatformSimError):
    """No running platform could be located."""
