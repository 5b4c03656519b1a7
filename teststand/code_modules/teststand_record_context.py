"""Find out what the records of a TestStand execution have in common.

The lookup strings are those of TestStand's process models. What a model or platform-sim does not
have is left out. Not verified: this ran in platform-sim, and not in TestStand.
"""

from __future__ import annotations

from typing import Any

from json_logger_client import SequencePlace, SessionContext, Uut, station_name

_UUT = "RunState.Root.Locals.UUT"
_STATION = "RunState.Root.Locals.StationInfo"


def record_context(sequence_context: Any) -> SessionContext:
    """Return the unit under test, station, operator and sequence of an execution.

    Args:
        sequence_context: TestStand's SequenceContext (a COM object; pass ``ThisContext``).
    """
    properties = sequence_context.AsPropertyObject()

    def text(lookup: str) -> str:
        exists = properties.Exists(lookup, 0x0)
        return str(properties.GetValString(lookup, 0x0)) if exists else ""

    return SessionContext(
        uut=Uut(
            serial=text(f"{_UUT}.SerialNumber"),
            part=text(f"{_UUT}.PartNumber"),
            lot=text(f"{_UUT}.LotNumber"),
        ),
        station=text(f"{_STATION}.StationID") or station_name(),
        operator=text(f"{_STATION}.LoginName"),
        sequence=SequencePlace(
            file=str(sequence_context.SequenceFile.Path),
            execution=str(sequence_context.Execution.Id),
        ),
    )
