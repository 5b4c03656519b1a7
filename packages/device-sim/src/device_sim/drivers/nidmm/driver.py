"""The driver NI-DMM: its services, and how it opens a session."""

from __future__ import annotations

from typing import Any

import nidmm
import nidmm.session
from nidmm import nidmm_pb2

from device_sim.base.attributes import AttributeTable
from device_sim.base.channels import ChannelId, ChannelList
from device_sim.base.driver import Driver
from device_sim.base.instrument import Surroundings
from device_sim.base.options import Options
from device_sim.drivers.nidmm.models import load_models
from device_sim.drivers.nidmm.service import SERVICE
from device_sim.drivers.nidmm.session import DmmSession
from device_sim.toml import read_data


class DmmDriver(Driver):
    """The driver `nidmm_grpc.NiDmm`."""

    initializers = frozenset({"Init", "InitWithOptions"})

    def __init__(self) -> None:
        super().__init__(nidmm_pb2, "NiDmm")
        self.table = AttributeTable.load(nidmm, read_data(__package__, "attributes.toml"))
        self.models = load_models()
        self.service = SERVICE

    def open(
        self, rpc: str, request: Any, options: Options, surroundings: Surroundings
    ) -> DmmSession:
        """Open a session."""
        device = "".join(request.resource_name.split())
        model = self.models.choose(options, surroundings.bench.model_of(device))
        return DmmSession(
            self.table,
            model,
            ChannelList([ChannelId(device, "0")], independent=False),
            resource=request.resource_name,
            options=options,
            surroundings=surroundings,
        )


DRIVER = DmmDriver()
