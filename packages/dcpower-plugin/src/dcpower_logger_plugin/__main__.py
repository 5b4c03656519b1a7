"""Run the command ``dcpower-logger-plugin`` as ``python -m dcpower_logger_plugin``."""

from __future__ import annotations

from dcpower_logger_plugin.cli import main

main(prog_name="dcpower-logger-plugin")
