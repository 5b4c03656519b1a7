"""Serve time sets."""

from __future__ import annotations

from typing import Any

from nidigital.enums import TimeSetEdgeType

from device_sim.base.wire import Fields, channel_name, enum_value
from device_sim.call import Call
from device_sim.drivers.nidigital.levels import DriveFormat, Edges
from device_sim.drivers.nidigital.session import DigitalSession, single
from device_sim.errors import INVALID_VALUE, DriverError

_EDGES = {
    TimeSetEdgeType.DRIVE_ON.value: "on",
    TimeSetEdgeType.DRIVE_DATA.value: "data",
    TimeSetEdgeType.DRIVE_RETURN.value: "returns",
    TimeSetEdgeType.DRIVE_OFF.value: "off",
    TimeSetEdgeType.COMPARE_STROBE.value: "strobe",
    TimeSetEdgeType.DRIVE_DATA2.value: "data2",
    TimeSetEdgeType.DRIVE_RETURN2.value: "returns2",
    TimeSetEdgeType.COMPARE_STROBE2.value: "strobe2",
}
"""The field of Edges by NI's number of the edge."""


class TimingCalls:
    """Serve the calls about time sets."""

    def create_time_set(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Create a time set."""
        session.time_sets.create(request.name)

    def delete_all_time_sets(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Delete all time sets."""
        session.time_sets.clear()

    def get_time_set_name(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the name of a time set, counted from 0."""
        return {"name": session.time_sets.name_of(request.time_set_index)}

    def configure_time_set_period(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set the period of a time set."""
        session.time_sets.set_period(request.time_set_name, request.period)

    def get_time_set_period(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the period of a time set."""
        return {"period": session.time_sets.get(request.time_set_name).period}

    def configure_time_set_drive_edges(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Set the format and the drive edges of pins."""
        _set_edges(session, request, **_drive_edges(request))

    def configure_time_set_drive_edges2x(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Set the format and the drive edges of pins with two DUT cycles in a cycle."""
        second = {"data2": request.drive_data2_edge, "returns2": request.drive_return2_edge}
        _set_edges(session, request, **_drive_edges(request), **second)

    def configure_time_set_compare_edges_strobe(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Set the compare edge of pins."""
        _set_edges(session, request, strobe=request.strobe_edge)

    def configure_time_set_compare_edges_strobe2x(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Set the compare edges of pins with two DUT cycles in a cycle."""
        _set_edges(session, request, strobe=request.strobe_edge, strobe2=request.strobe2_edge)

    def configure_time_set_edge(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set an edge of pins."""
        _set_edges(session, request, **{_edge(request): request.time})

    def configure_time_set_drive_format(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Set the format of pins."""
        _set_edges(session, request, drive_format=_format(enum_value(request, "drive_format")))

    def configure_time_set_edge_multiplier(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Set the number of DUT cycles in a cycle of pins."""
        _set_edges(session, request, multiplier=request.edge_multiplier)

    def get_time_set_edge(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return an edge of a pin."""
        return {"time": getattr(_edges_of(session, request), _edge(request))}

    def get_time_set_edge_multiplier(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the number of DUT cycles in a cycle of a pin."""
        return {"edge_multiplier": _edges_of(session, request).multiplier}

    def get_time_set_drive_format(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the format of a pin."""
        number = int(_edges_of(session, request).drive_format)
        return {"format": number, "format_raw": number}


def _set_edges(session: DigitalSession, request: Any, **values: Any) -> None:
    channels = [session.qualified(index) for index in session.select(channel_name(request))]
    session.time_sets.set_edges(request.time_set_name, channels, **values)


def _edges_of(session: DigitalSession, request: Any) -> Edges:
    place = single(session.places(request.pin), request.pin)
    time_set = session.time_sets.get(request.time_set_name)
    return time_set.of(session.qualified(place.channel))


def _drive_edges(request: Any) -> dict[str, Any]:
    return {
        "drive_format": _format(enum_value(request, "format")),
        "on": request.drive_on_edge,
        "data": request.drive_data_edge,
        "returns": request.drive_return_edge,
        "off": request.drive_off_edge,
    }


def _format(number: int) -> DriveFormat:
    if number not in [each.value for each in DriveFormat]:
        raise DriverError(INVALID_VALUE, f"Drive format: {number}")
    return DriveFormat(number)


def _edge(request: Any) -> str:
    number = enum_value(request, "edge")
    if number not in _EDGES:
        raise DriverError(INVALID_VALUE, f"Edge: {number}")
    return _EDGES[number]
