"""Write physical values for people."""

from __future__ import annotations

import math

_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_WITH_PREFIX = ("V", "A", "Ohm", "Ω", "s", "Hz", "F", "H", "W")


def quantity_text(value: float, unit: str = "") -> str:
    """Return a value with its unit and six digits: 0.00272714 A is "2.72714 mA"."""
    if not math.isfinite(value):
        return (
            f"{'not a number' if math.isnan(value) else '∞' if value > 0 else '-∞'} {unit}".strip()
        )
    if unit not in _WITH_PREFIX or value == 0:
        return f"{value:.6g} {unit}".strip()
    mantissa, _, exponent = f"{value:.5e}".partition("e")  # rounded first: 999.9999 mV is 1 V
    power = min(max(int(exponent) // 3 * 3, min(_PREFIXES)), max(_PREFIXES))
    number = float(mantissa) * 10.0 ** (int(exponent) - power)
    return f"{number:.6g} {_PREFIXES[power]}{unit}"
