"""Call any measurement plug-in from its metadata.

`MeasurementPlugin.resolve` finds a plug-in through discovery, which starts it; `measure` returns
its result. `PlatformClient` loads the pin map of a measurement, and lists the services that run.
"""

from plugin_kit.calling.metadata import ENUM_VALUES_KEY, Parameter, PluginMetadata
from plugin_kit.calling.platform import PlatformClient
from plugin_kit.calling.plugin import MeasurementPlugin
from plugin_kit.calling.values import EnumValue, check_value, json_value, parse_text
from plugin_kit.errors import (
    ParameterError,
    PlatformError,
    PlatformUnavailableError,
    PluginCallError,
)

__all__ = [
    "ENUM_VALUES_KEY",
    "EnumValue",
    "MeasurementPlugin",
    "Parameter",
    "ParameterError",
    "PlatformClient",
    "PlatformError",
    "PlatformUnavailableError",
    "PluginCallError",
    "PluginMetadata",
    "check_value",
    "json_value",
    "parse_text",
]
