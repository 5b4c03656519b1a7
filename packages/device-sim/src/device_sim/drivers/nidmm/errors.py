"""Error and warning codes of NI-DMM: numbers and names of NI's public nidmm.h, texts our own."""

from __future__ import annotations

from device_sim import errors
from device_sim.errors import ErrorCode

MAX_TIME_EXCEEDED = ErrorCode(-1074126845, "Maximum time exceeded before the operation completed.")
OVER_RANGE = ErrorCode(1073356801, "Warning: the signal overloads the range.")
DATA_NOT_AVAILABLE = ErrorCode(
    -1074118641, "No data is available: no acquisition has been initiated, or it was aborted."
)
CABLE_COMPENSATION_NOT_ALLOWED = ErrorCode(
    -1074118629,
    "Cable compensation is only possible for capacitance and inductance measurements.",
)
FEATURE_NOT_SUPPORTED = ErrorCode(-1074117849, "The device does not support this feature.")

ALL = {
    item.code: item
    for item in (
        *(value for value in vars(errors).values() if isinstance(value, ErrorCode)),
        MAX_TIME_EXCEEDED,
        OVER_RANGE,
        DATA_NOT_AVAILABLE,
        CABLE_COMPENSATION_NOT_ALLOWED,
        FEATURE_NOT_SUPPORTED,
    )
}
