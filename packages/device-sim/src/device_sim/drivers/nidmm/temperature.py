"""Compute temperatures from resistance or voltage, for the sensors that NI-DMM knows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nidmm.enums import RTDType, ThermistorType, ThermocoupleType

_ZERO_CELSIUS = 273.15

RTD_COEFFICIENTS: Mapping[int, tuple[float, float, float]] = {
    RTDType.PT3750.value: (3.81e-3, -6.02e-7, -6.0e-12),
    RTDType.PT3851.value: (3.9083e-3, -5.775e-7, -4.183e-12),
    RTDType.PT3911.value: (3.9692e-3, -5.8495e-7, -4.233e-12),
    RTDType.PT3916.value: (3.9739e-3, -5.870e-7, -4.4e-12),
    RTDType.PT3920.value: (3.9787e-3, -5.8686e-7, -4.167e-12),
    RTDType.PT3928.value: (3.9888e-3, -5.915e-7, -3.85e-12),
}
"""Callendar-Van Dusen A, B, C. PT3851 as NI-DMM documents it; the others are not verified."""

THERMISTOR_COEFFICIENTS: Mapping[int, tuple[float, float, float]] = {
    ThermistorType.THERMISTOR_44004.value: (1.468e-3, 2.383e-4, 1.007e-7),
    ThermistorType.THERMISTOR_44006.value: (1.0295e-3, 2.391e-4, 1.568e-7),
    ThermistorType.THERMISTOR_44007.value: (1.285e-3, 2.362e-4, 9.285e-8),
}
"""Steinhart-Hart A, B, C. 44006 as NI-DMM documents it; the others are not verified."""

SEEBECK: Mapping[int, float] = {
    ThermocoupleType.B.value: 0.3e-6,
    ThermocoupleType.E.value: 60.9e-6,
    ThermocoupleType.J.value: 51.7e-6,
    ThermocoupleType.K.value: 40.6e-6,
    ThermocoupleType.N.value: 26.6e-6,
    ThermocoupleType.R.value: 5.9e-6,
    ThermocoupleType.S.value: 6.0e-6,
    ThermocoupleType.T.value: 40.7e-6,
}
"""Volts per degree near room temperature. Thermocouples count as linear here."""


def rtd_temperature(
    resistance: float, nominal: float, coefficients: tuple[float, float, float]
) -> float:
    """Return the temperature of a resistance thermometer in °C, by Callendar and Van Dusen."""
    a, b, c = coefficients
    ratio = resistance / nominal - 1.0
    discriminant = a * a + 4.0 * b * ratio
    if discriminant < 0.0:
        return math.nan
    celsius = 2.0 * ratio / (a + math.sqrt(discriminant))
    for _ in range(50 if celsius < 0.0 else 0):  # Below zero there is a fourth-order term.
        cubic = c * (celsius - 100.0) * celsius**3
        slope = a + 2.0 * b * celsius + c * (4.0 * celsius**3 - 300.0 * celsius**2)
        celsius -= (a * celsius + b * celsius**2 + cubic - ratio) / slope
    return celsius


def thermistor_temperature(resistance: float, coefficients: tuple[float, float, float]) -> float:
    """Return the temperature of a thermistor in °C, by the Steinhart-Hart equation."""
    if not 0.0 < resistance < math.inf:
        return math.nan
    a, b, c = coefficients
    logarithm = math.log(resistance)
    return 1.0 / (a + b * logarithm + c * logarithm**3) - _ZERO_CELSIUS


def thermocouple_temperature(voltage: float, kind: int, junction: float) -> float:
    """Return the temperature of a thermocouple in °C. Its other junction is at `junction` °C."""
    return junction + voltage / SEEBECK[kind]
