"""``python -m dmm_logger_plugin``: the same as the command ``dmm-logger-plugin``."""

from __future__ import annotations

from dmm_logger_plugin.cli import main

main(prog_name="dmm-logger-plugin")
