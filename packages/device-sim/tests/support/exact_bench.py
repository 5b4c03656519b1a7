"""Readings on a bench against closed forms, with the instruments' own deviations off.

Time is virtual, so that a reading depends on programmed delays and apertures only.
"""

from __future__ import annotations

from typing import Any

import pytest

EXACT = """
[readings]
noise = false
quantization = false
calibration = false
"""

RELATIVE = 1e-9


def wired_to(content: str) -> pytest.MarkDecorator:
    """Run a test on the bench that this TOML text describes."""
    return pytest.mark.parametrize("bench", [content], indirect=True, ids=["bench"])


def source_volts(
    channel: Any, level: float, *, limit: float = 0.1, delay: float = 0.0, aperture: float = 1e-3
) -> Any:
    """Have an SMU source; returns what ends that as a context manager."""
    channel.voltage_level = level
    channel.current_limit_range = limit
    channel.current_limit = limit
    channel.source_delay = delay
    channel.aperture_time = aperture
    return channel.initiate()


def measure(channel: Any) -> Any:
    """Volts and amperes at the one channel of a session, now."""
    (measurement,) = channel.measure_multiple()
    return measurement
