"""The driver NI-DCPower: its services, and how it opens a session."""

from __future__ import annotations

from typing import Any

import nidcpower
import nidcpower.session
from nidcpower import nidcpower_pb2

from device_sim.base.attributes import AttributeTable
from device_sim.base.channels import ChannelId, ChannelList, parse_resource
from device_sim.base.driver import Driver
from device_sim.base.instrument import Surroundings
from device_sim.base.options import Options
from device_sim.drivers.nidcpower.models import load_models
from device_sim.drivers.nidcpower.service import SERVICE
from device_sim.drivers.nidcpower.session import DCPowerSession
from device_sim.errors import DEVICE_NOT_RECOGNISED, DriverError
from device_sim.toml import read_data

_INDEPENDENT = "InitializeWithIndependentChannels"
_LEGACY = "InitializeWithChannels"


class DCPowerDriver(Driver):
    """The driver `nidcpower_grpc.NiDCPower`."""

    initializers = frozenset({_INDEPENDENT, _LEGACY})

    def __init__(self) -> None:
        super().__init__(nidcpower_pb2, "NiDCPower")
        data = read_data(__package__, "attributes.toml")
        self.table = AttributeTable.load(nidcpower, data)
        self.models = load_models(self.table, data["features"])
        self.service = SERVICE

    def open(
        self, rpc: str, request: Any, options: Options, surroundings: Surroundings
    ) -> DCPowerSession:
        """Open a session. All its instruments are of one model."""
        independent = rpc == _INDEPENDENT
        first = request.resource_name.replace(" ", "").split(",")[0].split("/")[0]
        model = self.models.choose(options, surroundings.bench.model_of(first))
        if independent:
            channels = parse_resource(request.resource_name, model.channels)
        else:
            channels = _legacy_channels(request, model.channels, simulate=options.simulate)
        session = DCPowerSession(
            self.table,
            model,
            ChannelList(channels, independent=independent),
            independent=independent,
            resource=request.resource_name,
            options=options,
            surroundings=surroundings,
        )
        if request.reset:
            session.reset(range(len(session.channels)))
        return session


def _legacy_channels(request: Any, count: int, *, simulate: bool) -> list[ChannelId]:
    """Return the channels of a legacy session. Its resource is one instrument without channels.

    With `Simulate=1` NI accepts any text as the instrument's name.
    """
    if not simulate and set(request.resource_name) & {"/", ","}:
        raise DriverError(DEVICE_NOT_RECOGNISED, f"Invalid Identifier: {request.resource_name}")
    device = "".join(request.resource_name.split()).replace("/", "-").replace(",", "-")
    wanted = "".join(request.channels.split())
    return parse_resource(
        ",".join(f"{device}/{c}" for c in wanted.split(",")) if wanted else device, count
    )


DRIVER = DCPowerDriver()
