"""Call measurement plug-ins, and host your own.

`plugin_kit.calling` runs any measurement plug-in from its metadata. `plugin_kit.hosting` serves
your own plug-in; it needs the extra ``host``, which installs NI's SDK. This module exports the root
of all errors, and the errors that the caller of a plug-in gets.
"""

from plugin_kit.errors import (
    ParameterError,
    PlatformError,
    PlatformUnavailableError,
    PluginCallError,
    PluginError,
)

__all__ = [
    "ParameterError",
    "PlatformError",
    "PlatformUnavailableError",
    "PluginCallError",
    "PluginError",
]
