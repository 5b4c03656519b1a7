"""Error codes of NI-DCPower.

Codes and texts are those that NI's public tests and examples assert, unless marked otherwise.
"""

from __future__ import annotations

from device_sim import errors
from device_sim.base import channels
from device_sim.errors import ErrorCode

WAIT_FOR_EVENT_TIMEOUT = ErrorCode(
    -1074116059,
    "Maximum time exceeded before the event occurred.",  # Text not verified.
)
TIMEOUT = ErrorCode(
    -1074097933,
    "The operation timed out before it completed.",  # Text not verified.
)
OPERATION_NOT_SUPPORTED = ErrorCode(
    -1074118619,
    "This device does not support the requested operation.  Refer to the device documentation "
    "to determine which operations it supports.",
)
NOT_WITH_SEVERAL_CHANNELS = ErrorCode(
    -1074118587,
    "The requested function is not available when multiple channels are present in the same "
    "session.",
)
ONE_CHANNEL_ONLY = ErrorCode(
    -1074118522,
    "The requested function only allows a single channel to be specified.",
)
ALL_CHANNELS_ONLY = ErrorCode(
    -1074118494,
    "The channel name string must represent all channels in the session because the session was "
    "not initialized with independent channels. To specify a subset of channels for this "
    "function, first initialize the session with independent channels.",
)

ALL = {
    item.code: item
    for module in (errors, channels)
    for item in vars(module).values()
    if isinstance(item, ErrorCode)
} | {
    item.code: item
    for item in (
        WAIT_FOR_EVENT_TIMEOUT,
        TIMEOUT,
        OPERATION_NOT_SUPPORTED,
        NOT_WITH_SEVERAL_CHANNELS,
        ONE_CHANNEL_ONLY,
        ALL_CHANNELS_ONLY,
    )
}
