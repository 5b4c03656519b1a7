"""The errors that a simulated driver or its server answers instead of a result.

NI's device server distinguishes two kinds of failure. The *driver* refused: status UNKNOWN, and the
driver's code in the trailing metadata `ni-error`. Or the *server* refused: an ordinary gRPC
status. The classes here have the facts; `transport` sends them.
"""

from __future__ import annotations

from typing import NamedTuple

from grpc import StatusCode


class DeviceSimError(Exception):
    """Root of all errors that this package raises."""


class BenchError(DeviceSimError):
    """A bench file, or a call to the bench's API, has an error."""


class NoDriverError(DeviceSimError):
    """No driver's Python package of NI is installed."""


class ErrorCode(NamedTuple):
    """A code of an NI driver, with NI's text."""

    code: int
    text: str


class DriverError(DeviceSimError):
    """The instrument driver reports an error.

    Args:
        error: The code and its standard text.
        detail: The driver's facts about this occurrence.
    """

    def __init__(self, error: ErrorCode, detail: str = "") -> None:
        self.code = error.code
        self.description = f"{error.text}\n\n{detail}" if detail else error.text
        super().__init__(f"{self.code}: {self.description}")


class CallError(DeviceSimError):
    """The device server itself refuses a call.

    Args:
        status: The gRPC status to answer with.
        details: The text to answer with.
    """

    def __init__(self, status: StatusCode, details: str) -> None:
        self.status = status
        self.details = details
        super().__init__(f"{status.name}: {details}")


class CallCancelledError(DeviceSimError):
    """The caller disconnected or cancelled. Its call does not need an answer any more."""


def enum_not_given(field: str) -> CallError:
    """Return NI's error for a request in which a required enum is missing."""
    return CallError(
        StatusCode.INVALID_ARGUMENT,
        f"The value for {field} was not specified or out of range",
    )


def sizes_differ(*fields: str) -> CallError:
    """Return NI's error for linked arrays of different lengths."""
    return CallError(
        StatusCode.INVALID_ARGUMENT,
        f"The sizes of linked repeated fields [{', '.join(fields)}] do not match",
    )


# Codes of the IVI engine, common to all drivers. Codes and texts are those asserted by
# nimi-python's and grpc-device's system tests and by NI's ivi.h; the numbers are
# 0xBFFA0000 plus the offsets that ivi.h lists.
ATTRIBUTE_NOT_RECOGNISED = ErrorCode(-1074135028, "Attribute ID not recognized.")
ATTRIBUTE_READ_ONLY = ErrorCode(-1074135027, "Attribute is read-only.")
INVALID_VALUE = ErrorCode(-1074135024, "Invalid value for parameter or property.")
ATTRIBUTE_NOT_SUPPORTED = ErrorCode(-1074135022, "Attribute or property not supported.")
FUNCTION_NOT_SUPPORTED = ErrorCode(-1074135023, "Function or method not supported.")
TYPES_DO_NOT_MATCH = ErrorCode(-1074135019, "Attribute and property types do not match.")
READING_FILE_FAILED = ErrorCode(-1074135037, "Failure reading file.")
WRITING_FILE_FAILED = ErrorCode(-1074135036, "Failure writing file.")
UNKNOWN_CHANNEL = ErrorCode(-1074135008, "Unknown channel or repeated capability name.")
CHANNEL_NAME_NOT_ALLOWED = ErrorCode(
    -1074134971, "The channel or repeated capability name is not allowed."
)
UNKNOWN_OPTION_NAME = ErrorCode(
    -1074134965, "The option string parameter contains an entry with an unknown option name."
)
UNKNOWN_OPTION_VALUE = ErrorCode(
    -1074134964, "The option string parameter contains an entry with an unknown option value."
)
INVALID_SESSION = ErrorCode(-1074130544, "The session handle is not valid.")
DEVICE_NOT_FOUND = ErrorCode(-1074097793, "The specified device cannot be found.")
DEVICE_NOT_RECOGNISED = ErrorCode(
    -1074118656,
    "Device was not recognized. The device is not supported with this driver or version.",
)
