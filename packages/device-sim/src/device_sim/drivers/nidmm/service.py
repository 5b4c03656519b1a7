"""All calls of NI-DMM: decode the request, call the session, encode the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nidmm.enums import AcquisitionStatus, Function

from device_sim.base.common_calls import CommonCalls
from device_sim.base.service import DriverService, Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidmm import errors
from device_sim.drivers.nidmm.session import DmmSession
from device_sim.errors import UNKNOWN_CHANNEL, DriverError

_CALIBRATED = {"year": 1940, "month": 3, "day": 1, "hour": 0, "minute": 0}
_CALIBRATION_TEMPERATURE = 25.0  # °C
_CALIBRATION_INTERVAL = 24  # months
_DEVICE_TEMPERATURE = 32.0  # °C; NI's tests need a value from 20 to 50.


_CONFIGURES = {
    "ConfigureTrigger": {"trigger_source": "trigger_source", "trigger_delay": "trigger_delay"},
    "ConfigureMultiPoint": {
        "trigger_count": "trigger_count",
        "sample_count": "sample_count",
        "sample_trigger": "sample_trigger",
        "sample_interval": "sample_interval",
    },
    "ConfigureACBandwidth": {
        "ac_minimum_frequency_hz": "ac_min_freq",
        "ac_maximum_frequency_hz": "ac_max_freq",
    },
    "ConfigureFrequencyVoltageRange": {"voltage_range": "freq_voltage_range"},
    "ConfigureMeasCompleteDest": {"meas_complete_destination": "meas_complete_dest"},
    "ConfigureAutoZeroMode": {"auto_zero_mode": "auto_zero"},
    "ConfigurePowerLineFrequency": {"power_line_frequency_hz": "powerline_freq"},
    "ConfigureADCCalibration": {"adc_calibration": "adc_calibration"},
    "ConfigureOffsetCompOhms": {"offset_comp_ohms": "offset_comp_ohms"},
    "ConfigureCurrentSource": {"current_source": "current_source"},
    "ConfigureCableCompType": {"cable_comp_type": "cable_comp_type"},
    "ConfigureOpenCableCompValues": {
        "conductance": "open_cable_comp_conductance",
        "susceptance": "open_cable_comp_susceptance",
    },
    "ConfigureShortCableCompValues": {
        "resistance": "short_cable_comp_resistance",
        "reactance": "short_cable_comp_reactance",
    },
    "ConfigureWaveformCoupling": {"waveform_coupling": "waveform_coupling"},
    "ConfigureTransducerType": {"transducer_type": "temp_transducer_type"},
    "ConfigureThermocouple": {
        "thermocouple_type": "temp_tc_type",
        "reference_junction_type": "temp_tc_ref_junc_type",
    },
    "ConfigureFixedRefJunction": {"fixed_reference_junction": "temp_tc_fixed_ref_junc"},
    "ConfigureRTDType": {"rtd_type": "temp_rtd_type", "rtd_resistance": "temp_rtd_res"},
    "ConfigureRTDCustom": {"rtd_a": "temp_rtd_a", "rtd_b": "temp_rtd_b", "rtd_c": "temp_rtd_c"},
    "ConfigureThermistorType": {"thermistor_type": "temp_thermistor_type"},
    "ConfigureThermistorCustom": {
        "thermistor_a": "temp_thermistor_a",
        "thermistor_b": "temp_thermistor_b",
        "thermistor_c": "temp_thermistor_c",
    },
}


class DmmCalls:
    """Serve NI-DMM sessions."""

    # Configuration.

    def configure_measurement_digits(self, session: DmmSession, request: Any, call: Call) -> None:
        """Set function, range and digits."""
        function = enum_value(request, "measurement_function")
        digits = request.resolution_digits
        session.configure(function, request.range, "resolution_digits", digits)

    def configure_measurement_absolute(self, session: DmmSession, request: Any, call: Call) -> None:
        """Set function, range and resolution in units."""
        function = enum_value(request, "measurement_function")
        absolute = request.resolution_absolute
        session.configure(function, request.range, "resolution_absolute", absolute)

    def configure_waveform_acquisition(self, session: DmmSession, request: Any, call: Call) -> None:
        """Set function, range, rate and points of a waveform."""
        session.set("function", enum_value(request, "measurement_function"))
        session.set("range", request.range)
        session.set("waveform_rate", request.rate)
        session.set("waveform_points", request.waveform_points)
        session.set("operation_mode", 1)

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

    def get_channel_name(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return the name of the only channel, which is number 1."""
        if request.index != 1:
            raise DriverError(UNKNOWN_CHANNEL, f"Index: {request.index}")
        return {"channel_string": session.channels.names[0]}

    # Acquisition.

    def initiate(self, session: DmmSession, request: Any, call: Call) -> None:
        """Begin an acquisition."""
        session.initiate()

    def abort(self, session: DmmSession, request: Any, call: Call) -> None:
        """End the acquisition."""
        session.abort()

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
        named = AcquisitionStatus(status).value
        return {"acquisition_backlog": backlog, "acquisition_status_raw": named}

    def is_over_range(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return whether a reading shows that the signal overloads the range."""
        value = request.measurement_value
        return {"is_over_range": value != value or value > session.configuration.range_in_use()}

    def is_under_range(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return whether a reading shows that the signal is below the range."""
        return {"is_under_range": request.measurement_value < -session.configuration.range_in_use()}

    def control(self, session: DmmSession, request: Any, call: Call) -> None:
        """Commit. All values were checked before, so this does nothing."""
        enum_value(request, "control_action")

    # Utility and calibration.

    def reset(self, session: DmmSession, request: Any, call: Call) -> None:
        """Set all attributes to their defaults."""
        session.reset()

    reset_with_defaults = reset
    disable = abort

    def self_cal(self, session: DmmSession, request: Any, call: Call) -> None:
        """Calibrate, if the model can."""
        if not session.dmm.self_calibrates:
            raise DriverError(errors.FEATURE_NOT_SUPPORTED)

    def get_self_cal_supported(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return whether the model can calibrate itself."""
        return {"self_cal_supported": session.dmm.self_calibrates}

    def get_cal_date_and_time(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return NI's date for simulated devices. Older models have none (zeros)."""
        return _CALIBRATED if session.dmm.calibrated else {}

    def get_last_cal_temp(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return NI's temperature for simulated devices, in °C."""
        return {"temperature": _CALIBRATION_TEMPERATURE if session.dmm.calibrated else 0.0}

    def get_dev_temp(self, session: DmmSession, request: Any, call: Call) -> Fields:
        """Return the device's own temperature in °C."""
        return {"temperature": _DEVICE_TEMPERATURE}

    def get_ext_cal_recommended_interval(
        self, session: DmmSession, request: Any, call: Call
    ) -> Fields:
        """Return the months between external calibrations."""
        return {"months": _CALIBRATION_INTERVAL}

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
    return errors.OVER_RANGE.code if any(math.isnan(reading) for reading in readings) else 0


def _require_lc(session: DmmSession) -> None:
    if Function.CAPACITANCE.value not in session.dmm.ranges:
        raise DriverError(errors.FEATURE_NOT_SUPPORTED)
    if session.configuration.function not in (
        Function.CAPACITANCE.value,
        Function.INDUCTANCE.value,
    ):
        raise DriverError(errors.CABLE_COMPENSATION_NOT_ALLOWED)


SERVICE = DriverService(DmmCalls(), CommonCalls(errors.ALL), configures=_CONFIGURES)
