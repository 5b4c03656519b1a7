"""Run the command ``dmm-logger-plugin`` as ``python -m dmm_logger_plugin``."""

from __future__ import annotations

from dmm_logger_plugin.cli import main

main(prog_name="dmm-logger-plugin")
