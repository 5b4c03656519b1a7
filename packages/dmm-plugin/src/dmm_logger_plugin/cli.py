"""The command ``dmm-logger-plugin``."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from plugin_kit.hosting import Plugin, plugin_cli

PLUGIN = Plugin(
    package="dmm_logger_plugin",
    distribution="dmm-logger-plugin",
    data=Path(__file__).parent / "data",
    version=version("dmm-logger-plugin"),
)

main = plugin_cli(PLUGIN)
