"""Values are written with the prefix of their unit."""

from __future__ import annotations

import math

import pytest
from measurement_console.bench.quantities import quantity_text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "V", "0 V"),
        (6.0, "V", "6 V"),
        (0.002727142, "A", "2.72714 mA"),
        (-5.8e-7, "A", "-580 nA"),
        (999.9999999e-3, "V", "1 V"),
        (2200.0, "Ω", "2.2 kΩ"),
        (1e-17, "A", "1e-05 pA"),
        (1.87e13, "Ω", "18700 GΩ"),
        (math.inf, "Ω", "∞ Ω"),
        (-math.inf, "V", "-∞ V"),
        (math.nan, "V", "not a number V"),
        (0.25, "", "0.25"),
        (1200.0, "rpm", "1200 rpm"),
    ],
)
def test_a_value_has_six_digits_and_a_prefix(value: float, unit: str, text: str) -> None:
    assert quantity_text(value, unit) == text
