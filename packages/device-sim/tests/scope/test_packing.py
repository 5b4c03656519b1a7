"""Many numbers are encoded as protobuf's own code does it."""

from __future__ import annotations

import numpy as np
import pytest
from device_sim.base.packing import pack_doubles, pack_integers
from device_sim.base.wire import make_message
from niscope import niscope_pb2 as pb

DOUBLES = [0.0, -0.0, 1.5, -1e300, np.inf, -np.inf, 5e-324]
INTEGERS = [0, 1, -1, 63, -64, 64, -65, 8191, -8192, 8192, 2**31 - 1, -(2**31)]


@pytest.mark.parametrize("values", [[], DOUBLES, list(np.linspace(-1, 1, 100_000))], ids=len)
def test_doubles(values):
    message = make_message(pb.FetchResponse, {"status": 3, "waveform": pack_doubles(values)})
    assert message == pb.FetchResponse(status=3, waveform=values)
    assert (
        message.SerializeToString()
        == pb.FetchResponse(status=3, waveform=values).SerializeToString()
    )


@pytest.mark.parametrize("values", [[], INTEGERS, list(range(-50_000, 50_000, 3))], ids=len)
def test_integers(values):
    fields = {"waveform": pack_integers(values), "wfm_info": [{"gain": 2.0}]}
    message = make_message(pb.FetchBinary16Response, fields)
    assert message == pb.FetchBinary16Response(waveform=values, wfm_info=[{"gain": 2.0}])


def test_not_a_number_stays_one():
    message = make_message(pb.FetchResponse, {"waveform": pack_doubles([np.nan])})
    assert np.isnan(message.waveform[0])
