"""Run a device server as a separate process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from device_comm import DeviceCommunicationClient
from device_comm import device_comm_service_pb2_grpc as grpc_stubs
from server_process import ServerProcess

SAMPLE_MAP = """\
Register Name,Register Address,Default Data
CONFIG_0,0x00,12
CONFIG_1,0x01,32
STATUS_0,0x02,0
MFR_ID,0x04,251
USER_DATA_0,0x05,0
RESERVED,0x09,55
"""


class DeviceCommProcess(ServerProcess):
    """`device-comm serve` on a free loopback port, with the sample map in its map root."""

    module = "device_comm"
    name = "device-comm"
    root_option = "--map-root"

    def __init__(self, folder: Path, *options: str, **more: Any) -> None:
        (folder / "sample.csv").write_text(SAMPLE_MAP, encoding="utf-8")
        super().__init__(folder, *options, **more)

    def client(
        self, name: str = "Dut", register_map_path: str = "sample.csv", **options: Any
    ) -> DeviceCommunicationClient:
        return DeviceCommunicationClient(
            name, register_map_path=register_map_path, connection=self.connect(), **options
        )

    def reference_stub(self) -> grpc_stubs.DeviceCommunicationStub:
        return grpc_stubs.DeviceCommunicationStub(self.channel())
