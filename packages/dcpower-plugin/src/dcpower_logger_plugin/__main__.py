"""``python -m dcpower_logger_plugin``: the same as the command ``dcpower-logger-plugin``."""

from __future__ import annotations

from dcpower_logger_plugin.cli import main

main(prog_name="dcpower-logger-plugin")
