"""Custom scales: from the values of the hardware to those in a client's units, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from nidaqmx.constants import ScaleType

from device_sim.drivers.nidaqmx.attributes import Attributes
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.errors import DriverError

Numbers = npt.NDArray[np.float64]

MOST_COEFFICIENTS = 1000
"""The most coefficients or points that a scale may have."""


class Scale:
    """A custom scale.

    Args:
        name: Its name.
        attributes: Its properties, with its type.
    """

    def __init__(self, name: str, attributes: Attributes) -> None:
        self.name = name
        self.attributes = attributes
        attributes.missing = ERRORS.PROPERTY_NOT_SUPPORTED_FOR_SCALE_TYPE

    def forward(self, values: Any) -> Numbers:
        """Return values of the hardware in the client's units."""
        return self._convert(np.asarray(values, float), is_forward=True)

    def reverse(self, values: Any) -> Numbers:
        """Return values in the client's units as those of the hardware."""
        return self._convert(np.asarray(values, float), is_forward=False)

    def _convert(self, values: Numbers, *, is_forward: bool) -> Numbers:
        facts, kind = self.attributes, self.attributes["TYPE"]
        if kind == ScaleType.POLYNOMIAL.value:
            name = "POLY_FORWARD_COEFF" if is_forward else "POLY_REVERSE_COEFF"
            return np.asarray(np.polynomial.polynomial.polyval(values, facts[name]))
        if kind == ScaleType.TABLE.value:
            points = facts["TABLE_PRE_SCALED_VALS"], facts["TABLE_SCALED_VALS"]
            return _interpolated(values, *(points if is_forward else points[::-1]))
        slope, offset = self._line()
        return slope * values + offset if is_forward else (values - offset) / slope

    def _line(self) -> tuple[float, float]:
        facts = self.attributes
        if facts["TYPE"] == ScaleType.LINEAR.value:
            return facts["LIN_SLOPE"], facts["LIN_Y_INTERCEPT"]
        low, high = facts["MAP_PRE_SCALED_MIN"], facts["MAP_PRE_SCALED_MAX"]
        slope = (facts["MAP_SCALED_MAX"] - facts["MAP_SCALED_MIN"]) / (high - low)
        return slope, facts["MAP_SCALED_MIN"] - slope * low


def _interpolated(values: Numbers, given: list[float], wanted: list[float]) -> Numbers:
    order = np.argsort(given)
    return np.asarray(np.interp(values, np.asarray(given)[order], np.asarray(wanted)[order]))


def reverse_coefficients(
    forward: list[float], low: float, high: float, points: int, order: int
) -> list[float]:
    """Return the coefficients of a polynomial that undoes another one between two values.

    Args:
        forward: The coefficients of the other one, from that of order 0 on.
        low: The smallest value for which it holds.
        high: The largest one.
        points: The number of points at which it is fitted.
        order: The order; negative for that of the other one.

    Raises:
        DriverError: There are no coefficients or too many, or too few points.
    """
    order = len(forward) - 1 if order < 0 else order
    largest = max(len(forward), order, points)
    fits = math.isfinite(low + high) and low < high and np.isfinite(forward).all()
    if not forward or order >= points or largest > MOST_COEFFICIENTS or not fits:
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Points: {points}\nOrder: {order}\nCoefficients: {len(forward)}\n"
            f"Fit a finite interval, with more points than the order, at most {MOST_COEFFICIENTS}.",
        )
    values = np.linspace(low, high, points)
    scaled = np.polynomial.polynomial.polyval(values, forward)
    fitted = np.polynomial.Polynomial.fit(scaled, values, order).convert().coef
    return [*fitted.tolist(), *[0.0] * (order + 1 - len(fitted))]
