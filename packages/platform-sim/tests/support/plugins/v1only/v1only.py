"""A plug-in that has only version 1 of the measurement service."""

from __future__ import annotations

from pathlib import Path

import ni_measurement_plugin_sdk_service as nims

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("v1only.serviceconfig"), ui_file_paths=[]
)


@service.register_measurement
@service.configuration("count", nims.DataType.Int32, 3)
@service.output("number", nims.DataType.Int32)
def measure(count):
    for number in range(count):
        yield (number,)


if __name__ == "__main__":
    with service.host_service():
        input("Press enter to close the measurement service.\n")
