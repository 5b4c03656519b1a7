"""NI-DAQmx's errors, from errors.toml."""

from __future__ import annotations

from pathlib import Path

from device_sim.base.error_table import ErrorTable

ERRORS = ErrorTable(Path(__file__).parent)
