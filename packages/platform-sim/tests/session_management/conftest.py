"""A platform with a pin map and NI's session management client."""

from __future__ import annotations

import grpc
import pytest
from ni.measurementlink.sessionmanagement.v1.client import (
    PinMapContext,
    SessionManagementClient,
)
from pin_map_xml import every_kind


class Bench:
    """A loaded pin map, and short methods for NI's client."""

    def __init__(self, client, pin_map_id):
        self.client = client
        self.stub = client._get_stub()
        self.pin_map_id = pin_map_id

    def context(self, sites=None, pin_map_id=None):
        pin_map_id = self.pin_map_id if pin_map_id is None else pin_map_id
        return PinMapContext(pin_map_id=pin_map_id, sites=sites)

    def reserve(self, names=None, type_id=None, timeout=0.0, sites=None):
        return self.client.reserve_sessions(self.context(sites), names, type_id, timeout)

    def error_of(self, call, *args, **kwargs):
        with pytest.raises(grpc.RpcError) as raised:
            call(*args, **kwargs)
        return raised.value.code(), raised.value.details()


@pytest.fixture
def bench(ni_platform):
    with SessionManagementClient() as client:
        yield Bench(client, ni_platform.load_pin_map(every_kind()))
