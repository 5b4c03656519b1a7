"""The calls on whole devices."""

from __future__ import annotations

from typing import Any

from device_sim.base.wire import Fields
from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.drivers.nidaqmx.system import Device
from device_sim.errors import DriverError


class DeviceCalls:
    """Serve the resets, tests and calibrations of devices."""

    def reset_device(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Abort the tasks of a device. Its outputs have 0 V, and its lines are inputs."""
        hardware.reset(hardware.system.require(request.device_name))

    def self_test_device(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Test a device. A simulated one passes."""
        hardware.system.require(request.device_name)

    def self_cal(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Calibrate a device. This has no effect on the readings of a simulated one."""
        _calibrated(hardware, request)

    def restore_last_ext_cal_const(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Go back to the last external calibration, which a simulated device never left."""
        _calibrated(hardware, request)

    def device_supports_cal(self, hardware: Hardware, request: Any, call: Call) -> Fields:
        """Return whether a device can be calibrated."""
        device = hardware.system.require(request.device_name)
        return {"cal_supported": "SELF_CAL_SUPPORTED" in device.groups["CalibrationInfo"]}


def _calibrated(hardware: Hardware, request: Any) -> Device:
    """Return the device of a request.

    Raises:
        DriverError: There is none, or it cannot be calibrated.
    """
    device = hardware.system.require(request.device_name)
    if "SELF_CAL_SUPPORTED" not in device.groups["CalibrationInfo"]:
        raise DriverError(
            ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
            f"Device Specified: {device.name} ({device.model})\nIt cannot calibrate itself.",
        )
    return device
