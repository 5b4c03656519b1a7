"""Call measurement plug-ins, and host your own.

`plugin_kit.calling` runs any measurement plug-in from its metadata. `plugin_kit.hosting` serves
your own plug-in; it needs the extra ``host``, which installs NI's SDK. This module exports the root
of all errors, the errors that the caller of a plug-in gets, the limits of outputs, and the context
of the step that measures.
"""

from plugin_kit.errors import (
    LimitsError,
    ParameterError,
    PlatformError,
    PlatformUnavailableError,
    PluginCallError,
    PluginError,
)
from plugin_kit.limits import LimitCheck, Limits, OutputLimits, check_limits, read_limits
from plugin_kit.step_context import StepContext

__all__ = [
    "LimitCheck",
    "Limits",
    "LimitsError",
    "OutputLimits",
    "ParameterError",
    "PlatformError",
    "PlatformUnavailableError",
    "PluginCallError",
    "PluginError",
    "StepContext",
    "check_limits",
    "read_limits",
]
