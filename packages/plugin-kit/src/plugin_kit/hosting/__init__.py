"""Host a measurement plug-in: make its command line, and end calls when their callers cancel.

`plugin_cli` makes a command that serves a plug-in and installs it for discovery. Use `serve` and
`install` and `uninstall` instead in a plug-in that has another command line. In the measurement,
`reported_to_caller` sends the status and text of an error to the caller, and a `MeasurementCall`
reserves pins, waits, and ends at a cancellation or deadline.

This subpackage needs the extra ``host``.
"""

from plugin_kit.hosting.call import MeasurementCall, reported_to_caller
from plugin_kit.hosting.command_line import Plugin, install, plugin_cli, serve, uninstall
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
    "uninstall",
]
