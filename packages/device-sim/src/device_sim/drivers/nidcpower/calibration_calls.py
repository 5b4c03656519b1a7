"""Serve the calls of NI-DCPower that compensate LCR measurements."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from nidcpower.enums import LCRCompensationType

from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidcpower.session import DCPowerSession


def _compensation(kind: LCRCompensationType) -> Callable[..., None]:
    """Return a method for calls that perform a compensation. Only their dates change."""

    def method(self: object, session: DCPowerSession, request: Any, call: Call) -> None:
        now = datetime.datetime.now()
        date = (now.year, now.month, now.day, now.hour, now.minute)
        for index in session.select(request.channel_name):
            session.units[index].lcr.compensations.dates[kind.value] = date

    return method


class CalibrationCalls:
    """Remember compensations."""

    perform_lcr_open_compensation = _compensation(LCRCompensationType.OPEN)
    perform_lcr_short_compensation = _compensation(LCRCompensationType.SHORT)
    perform_lcr_load_compensation = _compensation(LCRCompensationType.LOAD)
    perform_lcr_open_custom_cable_compensation = _compensation(
        LCRCompensationType.OPEN_CUSTOM_CABLE
    )
    perform_lcr_short_custom_cable_compensation = _compensation(
        LCRCompensationType.SHORT_CUSTOM_CABLE
    )

    def get_lcr_compensation_last_date_and_time(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """Return when a compensation was last performed."""
        unit = session.units[session.select_one(request.channel_name)].lcr
        date = unit.last_compensation(enum_value(request, "compensation_type"))
        return dict(zip(("year", "month", "day", "hour", "minute"), date, strict=True))

    def get_lcr_custom_cable_compensation_data(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """Return the data of a custom cable."""
        unit = session.units[session.select_one(request.channel_name)].lcr
        return {"custom_cable_compensation_data": unit.compensations.custom_cable}

    def configure_lcr_custom_cable_compensation(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Set the data of a custom cable."""
        for index in session.select(request.channel_name):
            session.units[
                index
            ].lcr.compensations.custom_cable = request.custom_cable_compensation_data
