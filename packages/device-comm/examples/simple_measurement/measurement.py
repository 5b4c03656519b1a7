"""Measurement plug-in: write a register of a shared custom instrument, and read it back.

Discovery starts it by start.sh or start.bat. By hand: python measurement.py
"""

from pathlib import Path

import ni_measurement_plugin_sdk_service as nims
from device_comm import (
    DEVICE_COMMUNICATION_INSTRUMENT_TYPE,
    DeviceCommunicationSessionConstructor,
    Protocol,
)
from plugin_kit.hosting import reported_to_caller, serve

_FOLDER = Path(__file__).parent
REGISTER_MAP = "sample_register_map.csv"
"""The server looks for it in its first folder for register maps."""

measurement_service = nims.MeasurementService(
    service_config_path=_FOLDER / "SimpleMeasurement.serviceconfig",
    ui_file_paths=[_FOLDER / "SimpleMeasurement.measui"],
)


@measurement_service.register_measurement
@measurement_service.configuration("Register Value In (Binary)", nims.DataType.String, "11111111")
@measurement_service.configuration(
    "Resource name",
    nims.DataType.IOResource,
    "CustomInstrumentPin",
    instrument_type=DEVICE_COMMUNICATION_INSTRUMENT_TYPE,
)
@measurement_service.output("Register Value Out (Binary)", nims.DataType.String)
def measure(register_value_in: str, resource_name: str) -> tuple[str]:
    """Write the register USER_DATA_0, and return what it holds then."""
    open_device = DeviceCommunicationSessionConstructor(
        REGISTER_MAP, Protocol.SPI, discovery_client=measurement_service.discovery_client
    )
    with (
        reported_to_caller(measurement_service),
        measurement_service.context.reserve_session(resource_name) as reservation,
        reservation.initialize_session(open_device, DEVICE_COMMUNICATION_INSTRUMENT_TYPE) as device,
    ):
        device.session.write_register("USER_DATA_0", register_value_in)
        return (device.session.read_register("USER_DATA_0"),)
    raise AssertionError  # the block returns or reports an error


if __name__ == "__main__":
    serve(measurement_service)
