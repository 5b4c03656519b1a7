"""A test can use the bench and the faults of its platform's instruments."""

from __future__ import annotations

import math

import grpc
import nidmm
import pytest


def test_the_platform_has_the_bench_and_the_faults_of_its_instruments(ni_platform):
    with grpc.insecure_channel(ni_platform.device_server_address) as channel:
        options = nidmm.GrpcSessionOptions(channel, "")
        with nidmm.Session("DMM1", options="Simulate=1", grpc_options=options) as dmm:
            ni_platform.faults.over_range("DMM1")
            with pytest.warns(nidmm.errors.DriverWarning):
                assert math.isnan(dmm.read())
            ni_platform.faults.clear()
            assert dmm.read() > 0
    assert ni_platform.bench.parts == {}
