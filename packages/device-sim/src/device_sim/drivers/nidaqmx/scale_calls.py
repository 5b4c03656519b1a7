"""The calls that make custom scales."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from device_sim.base.wire import Fields, field_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.drivers.nidaqmx.scales import MOST_COEFFICIENTS, Scale, reverse_coefficients
from device_sim.errors import DriverError


class ScaleCalls:
    """Serve the custom scales of a server. They last as long as the server."""

    def create_lin_scale(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Make a line."""
        if request.slope == 0.0:
            raise _refused("the slope must not be 0")
        facts = {"LIN_SLOPE": request.slope, "LIN_Y_INTERCEPT": request.y_intercept}
        _create(hardware, request, "LINEAR", facts)

    def create_map_scale(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Make a line through two points."""
        if request.prescaled_min >= request.prescaled_max or (
            request.scaled_min >= request.scaled_max
        ):
            raise _refused("each minimum must be below its maximum")
        facts = {
            "MAP_PRE_SCALED_MIN": request.prescaled_min,
            "MAP_PRE_SCALED_MAX": request.prescaled_max,
            "MAP_SCALED_MIN": request.scaled_min,
            "MAP_SCALED_MAX": request.scaled_max,
        }
        _create(hardware, request, "MAP_RANGES", facts)

    def create_polynomial_scale(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Make a polynomial and its inverse."""
        forward, reverse = list(request.forward_coeffs), list(request.reverse_coeffs)
        if not forward or not reverse or max(len(forward), len(reverse)) > MOST_COEFFICIENTS:
            raise _refused(f"each direction has from 1 to {MOST_COEFFICIENTS} coefficients")
        facts = {"POLY_FORWARD_COEFF": forward, "POLY_REVERSE_COEFF": reverse}
        _create(hardware, request, "POLYNOMIAL", facts)

    def create_table_scale(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Make a table of points, with lines between them."""
        before, after = list(request.prescaled_vals), list(request.scaled_vals)
        if len(before) != len(after) or not 2 <= len(before) <= MOST_COEFFICIENTS:
            raise _refused(f"both lists have the same number of values, 2 to {MOST_COEFFICIENTS}")
        facts = {"TABLE_PRE_SCALED_VALS": before, "TABLE_SCALED_VALS": after}
        _create(hardware, request, "TABLE", facts)

    def calculate_reverse_poly_coeff(self, hardware: Hardware, request: Any, call: Call) -> Fields:
        """Return the coefficients of the inverse of a polynomial."""
        return {
            "reverse_coeffs": reverse_coefficients(
                list(request.forward_coeffs),
                request.min_val_x,
                request.max_val_x,
                request.num_points_to_compute,
                request.reverse_poly_order,
            )
        }


def _create(hardware: Hardware, request: Any, kind: str, facts: Mapping[str, Any]) -> None:
    """Make a scale, or replace the one of that name.

    Raises:
        DriverError: It has no name, or a value is not a number.
    """
    if not request.name.strip():
        raise _refused("it needs a name")
    numbers = [n for each in facts.values() for n in (each if isinstance(each, list) else [each])]
    if not all(map(math.isfinite, numbers)):
        raise _refused("its values must be finite numbers")
    table = hardware.table
    attributes = table.attributes("Scale")
    attributes.update(facts)
    attributes["TYPE"] = table.named("Scale", "TYPE").parse(kind)
    attributes["SCALED_UNITS"] = request.scaled_units
    attributes["DESCR"] = ""
    units = table.named("Scale", "PRE_SCALED_UNITS")
    attributes["PRE_SCALED_UNITS"] = units.check(field_value(request, "pre_scaled_units"))
    hardware.scales[request.name.strip().lower()] = Scale(request.name.strip(), attributes)


def _refused(why: str) -> DriverError:
    return DriverError(ERRORS.INVALID_ATTRIBUTE_VALUE, f"This scale cannot be: {why}.")
