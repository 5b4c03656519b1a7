"""Find the active pin map of a TestStand execution."""

from __future__ import annotations

from typing import Any

from ni.measurementlink.sessionmanagement.v1.client import PinMapContext

_PIN_MAP_ID = "NI.MeasurementPlugIns.PinMapId"
"""Run-time variable in which the Update Pin Map step stores the id of the pin map."""


def active_pin_map(sequence_context: Any) -> PinMapContext:
    """Return the active pin map with all its sites.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).

    Raises:
        RuntimeError: No Update Pin Map step ran before.
    """
    variables = sequence_context.Execution.RunTimeVariables
    if not variables.Exists(_PIN_MAP_ID, 0x0):
        raise RuntimeError(
            "There is no active pin map. Run an Update Pin Map step before this step."
        )
    return PinMapContext(pin_map_id=variables.GetValString(_PIN_MAP_ID, 0x0), sites=None)
