"""Names that the logger's servers and clients must agree on."""

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

LANE_BITS = 32
"""A client's own numbers for its records are in lanes, of so many bits each.

The upper bits name the lane, and numbers in it begin with 1. A lane's records are sent one after
the other, so that the server need remember little of it; a client has one for its calls and one for
each of its streams.
"""

MOST_BATCH_BYTES = 64 * 1024 * 1024
"""Most bytes of records that are appended together, in however many messages."""
