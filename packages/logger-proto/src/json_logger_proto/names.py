"""Names and limits that are the same in the logger's servers and clients."""

__all__ = [
    "DISCOVERY_CLASS",
    "DISCOVERY_INTERFACE",
    "INSTRUMENT_TYPE",
    "KIND",
    "LANE_BITS",
    "MOST_BATCH_BYTES",
    "MOST_SAMPLE_BYTES",
    "PROGRAM",
    "STATION_VARIABLE",
    "TARGET_VARIABLE",
    "TOKEN_FILE_VARIABLE",
]

KIND = "json-log"
"""Resource kind of log files in the SessionLifecycle service."""

DISCOVERY_INTERFACE = "ni.logger.v1.json"
"""Provided interface in NI discovery, the same as the reference's."""

DISCOVERY_CLASS = "ni.logger.JSONLogService"
"""Service class in NI discovery, the same as the reference's."""

INSTRUMENT_TYPE = "JsonLoggerService"
"""Type of the custom instrument that represents a log file in a pin map."""

PROGRAM = "json-logger"
"""Command of the server. Its state file has the same name."""

TARGET_VARIABLE = "JSON_LOGGER_TARGET"
"""Environment variable with the target of the server, for clients."""

STATION_VARIABLE = "JSON_LOGGER_STATION"
"""Environment variable with the name of the test station, for clients."""

TOKEN_FILE_VARIABLE = "JSON_LOGGER_TOKEN_FILE"  # noqa: S105 - names a file, is no secret
"""Environment variable that names the file with the server's token."""

LANE_BITS = 32
"""Bits of a record's number, in its client's count, that count the records of one lane.

The upper bits name the lane. The numbers in a lane begin with 1, and its records are sent one after
the other, so that the server needs to remember only little about it. A client has one lane for its
calls, and one for each of its streams.
"""

MOST_BATCH_BYTES = 64 * 1024 * 1024
"""Most bytes of records that are appended together, in one or several messages."""

MOST_SAMPLE_BYTES = 128 * 1024 * 1024
"""Most bytes of samples in the waveforms of those records."""
