"""The smallest plug-in: doubles a number."""

from __future__ import annotations

from pathlib import Path

import ni_measurement_plugin_sdk_service as nims

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("tiny.serviceconfig")
)


@service.register_measurement
@service.configuration("value", nims.DataType.Double, 2.0)
@service.output("doubled", nims.DataType.Double)
def measure(value: float) -> tuple[float]:
    return (value * 2,)


if __name__ == "__main__":
    with service.host_service():
        input("Press enter to close the measurement service.\n")
