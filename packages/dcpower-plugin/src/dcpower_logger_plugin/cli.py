"""The command ``dcpower-logger-plugin``."""

from __future__ import annotations

from importlib.metadata import version

from dcpower_logger_plugin.hosting import Plugin, plugin_cli

PLUGIN = Plugin(
    package="dcpower_logger_plugin",
    distribution="dcpower-logger-plugin",
    version=version("dcpower-logger-plugin"),
)

main = plugin_cli(PLUGIN)
