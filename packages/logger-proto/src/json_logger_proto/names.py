"""Names that the logger's servers and clients must agree on."""

__all__ = [
    "DISCOVERY_CLASS",
    "DISCOVERY_INTERFACE",
    "INSTRUMENT_TYPE",
    "KIND",
    "LANE_BITS",
    "MOST_BATCH_BYTES",
    "PROGRAM",
    "TARGET_VARIABLE",
    "TOKEN_FILE_VARIABLE",
]

KIND = "json-log"
"""Resource kind of log files in the SessionLifecycle service."""

DISCOVERY_INTERFACE = "ni.logger.v1.json"
"""Provided interface in NI discovery, the reference service's."""

DISCOVERY_CLASS = "ni.logger.JSONLogService"
"""Service class in NI discovery, the reference service's."""

INSTRUMENT_TYPE = "JsonLoggerService"
"""Type of the custom instrument that stands for a log file in a pin map."""

PROGRAM = "json-logger"
"""Command of the server, after which its state file is named."""

TARGET_VARIABLE = "JSON_LOGGER_TARGET"
"""Environment variable by which clients find the server."""

TOKEN_FILE_VARIABLE = "JSON_LOGGER_TOKEN_FILE"  # noqa: S105 - names a file, is no secret
"""Environment variable that names the file with the server's token."""

LANE_BITS = 32
"""A client's own numbers for its records are in lanes, of so many bits each.

The upper bits name the lane, and numbers in it begin with 1. A lane's records are sent one after
the other, so that the server need remember little of it; a client has one for its calls and one for
each of its streams.
"""

MOST_BATCH_BYTES = 64 * 1024 * 1024
"""Most bytes of records that are appended together, in however many messages."""
