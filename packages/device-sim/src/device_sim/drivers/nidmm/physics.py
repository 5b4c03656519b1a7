"""The calls of NI-DMM with a meaning: decode the request, call the session, encode the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nidmm.enums import Function

from device_sim.base.driver import Physics
from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidmm.errors import ERRORS
from device_sim.drivers.nidmm.models import DmmModel
from device_sim.drivers.nidmm.session import DmmSession
from device_sim.errors import DriverError


class DmmCalls:
    """Serve NI-DMM sessions."""

    # Configuration.

    def get_aperture_time_info(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return the aperture in use, in seconds."""
        return {"aperture_time_raw": session.configuration.aperture(), "aperture_time_units_raw": 0}

    def get_auto_range_value(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return the range in use."""
        return {"actual_range": session.configuration.range_in_use()}

    def get_measurement_period(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return the duration of one sample, in seconds."""
        return {
            "period": session.configuration.aperture() + max(session.number("settle_time"), 0.0)
        }

    # Acquisition.

    def send_software_trigger(self, session: DmmSession, request: Any, call: Call) -> None:
        """Send a software trigger."""
        session.send_trigger()

    def fetch(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Take one reading."""
        readings = session.fetch(1, enum_value(request, "maximum_time"), call)
        return {"reading": readings[0], "status": _warning(readings)}

    def fetch_multi_point(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Take several readings."""
        time = enum_value(request, "maximum_time")
        readings = session.fetch(request.array_size, time, call)
        return {
            "reading_array": readings,
            "actual_number_of_points": len(readings),
            "status": _warning(readings),
        }

    def fetch_waveform(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Take points of a waveform."""
        time = enum_value(request, "maximum_time")
        points = session.fetch_waveform(request.array_size, time, call)
        return {"waveform_array": points, "actual_number_of_points": len(points)}

    def read(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Acquire one reading."""
        session.initiate()
        return self.fetch(session, request, call)

    def read_multi_point(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Acquire several readings."""
        session.initiate()
        return self.fetch_multi_point(session, request, call)

    def read_waveform(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Acquire a waveform."""
        session.initiate()
        return self.fetch_waveform(session, request, call)

    def read_status(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return the state of the acquisition."""
        backlog, status = session.status()
        return {"acquisition_backlog": backlog, "acquisition_status_raw": status}

    def is_over_range(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return whether a reading shows that the signal overloads the range."""
        value = request.measurement_value
        return {"is_over_range": value != value or value > session.configuration.range_in_use()}

    def is_under_range(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return whether a reading shows that the signal is below the range."""
        return {"is_under_range": request.measurement_value < -session.configuration.range_in_use()}

    # Calibration.

    def get_self_cal_supported(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return whether the model can calibrate itself."""
        return {"self_cal_supported": "self_calibration" in session.model.features}

    def perform_open_cable_comp(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Measure an open cable. A simulated cable has no conductance."""
        _require_lc(session)
        return {"conductance": 0.0, "susceptance": 0.0}

    def perform_short_cable_comp(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Measure a shorted cable. A simulated cable has no resistance."""
        _require_lc(session)
        return {"resistance": 0.0, "reactance": 0.0}


def _warning(readings: Sequence[float]) -> int:
    """Return the status of readings. NI-DMM warns if one is not a number."""
    return ERRORS.OVER_RANGE.code if any(math.isnan(reading) for reading in readings) else 0


def _require_lc(session: DmmSession) -> None:
    if session.configuration.function not in (
        Function.CAPACITANCE.value,
        Function.INDUCTANCE.value,
    ):
        raise DriverError(ERRORS.CABLE_COMPENSATION_NOT_ALLOWED)


PHYSICS = Physics(DmmSession, (DmmCalls(),), DmmModel)
