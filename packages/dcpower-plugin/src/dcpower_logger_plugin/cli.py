"""The command ``dcpower-logger-plugin``."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from plugin_kit.hosting import Plugin, plugin_cli

PLUGIN = Plugin(
    package="dcpower_logger_plugin",
    distribution="dcpower-logger-plugin",
    data=Path(__file__).parent / "data",
    version=version("dcpower-logger-plugin"),
)

main = plugin_cli(PLUGIN)
