"""Compare readings on a bench with closed forms, without the instruments' own deviations.

Time is virtual, so a reading depends only on programmed delays and apertures.
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
    """Make an SMU source. Return a context manager that ends this."""
    channel.voltage_level = level
    channel.current_limit_range = limit
    channel.current_limit = limit
    channel.source_delay = delay
    channel.aperture_time = aperture
    return channel.initiate()


def measure(channel: Any) -> Any:
    """Return volts and amperes at the only channel of a session, now."""
    (measurement,) = channel.measure_multiple()
    return measurement
