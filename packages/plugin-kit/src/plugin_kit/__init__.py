"""What the author of a measurement plug-in needs: calling plug-ins, and hosting one.

`plugin_kit.calling` runs any measurement plug-in from its metadata. `plugin_kit.hosting` serves a
plug-in of your own; it needs the extra ``host``, which brings NI's SDK. This module has the root of
all errors, and those that the caller of a plug-in gets.
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
