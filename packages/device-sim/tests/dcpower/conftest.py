"""An SMU on a resistor and an electronic load on a battery, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nidcpower
import pytest
from exact_bench import EXACT

BENCH = """
[[connect]]
channel = "SMU1/0"
hi = "out"

[[part]]
name = "R1"
kind = "resistor"
a = "out"
b = "GND"
value = 1000.0

[[connect]]
channel = "LOAD1/0"
hi = "battery"

[[part]]
name = "B1"
kind = "source"
a = "battery"
b = "GND"
voltage = 12.0
resistance = 0.1
"""


@pytest.fixture
def bench(bench_file: Callable[[str], Path]) -> Path:
    return bench_file(BENCH + EXACT)


@pytest.fixture
def smu(open_dcpower: Callable[..., nidcpower.Session]) -> nidcpower.Session:
    return open_dcpower("SMU1/0", model="4137")
