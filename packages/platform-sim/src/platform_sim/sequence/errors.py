"""The errors when sequences are read, checked or run."""

from __future__ import annotations

from platform_sim.errors import PlatformSimError


class SequenceError(PlatformSimError):
    """Root of the errors of this subpackage."""


class SequenceFileError(SequenceError):
    """A file is not a sequence file in XML form, or is damaged."""


class DescriptionError(SequenceError):
    """A description of a sequence cannot be read."""


class ExpressionError(SequenceError):
    """An expression cannot be read or evaluated."""


class UnsupportedError(SequenceError):
    """The file needs something of TestStand that platform-sim does not have."""


class StepError(SequenceError):
    """A step failed while it ran.

    Args:
        message: The error in one line.
        details: More text, such as a traceback.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class InterpreterError(SequenceError):
    """The Python interpreter of the code modules cannot be started, or ended."""
