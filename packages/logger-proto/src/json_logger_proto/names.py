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
