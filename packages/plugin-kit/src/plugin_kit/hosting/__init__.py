"""Hosting a measurement plug-in: its command line, and calls that end when their callers do.

`plugin_cli` makes the command with which a plug-in is served and laid out for discovery; `serve`
and `install` are its two halves, for a plug-in with a command line of its own. In the measurement,
`reported_to_caller` gives the caller status and text of an error, and a `MeasurementCall` reserves
pins, waits and ends at a cancellation or deadline.

This subpackage needs the extra ``host``.
"""

from plugin_kit.hosting.call import MeasurementCall, reported_to_caller
from plugin_kit.hosting.command_line import Plugin, install, plugin_cli, serve
from plugin_kit.hosting.errors import (
    CancelledError,
    DeadlineExceededError,
    InvalidInputError,
    MeasurementError,
)

__all__ = [
    "CancelledError",
    "DeadlineExceededError",
    "InvalidInputError",
    "MeasurementCall",
    "MeasurementError",
    "Plugin",
    "install",
    "plugin_cli",
    "reported_to_caller",
    "serve",
]
