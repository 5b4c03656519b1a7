"""Tools without NI's packages find the services of a device server by gRPC's reflection."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICES = {
    "nidaqmx_grpc.NiDAQmx",
    "nidcpower_grpc.NiDCPower",
    "nidigitalpattern_grpc.NiDigital",
    "nidmm_grpc.NiDmm",
    "nifgen_grpc.NiFgen",
    "niscope_grpc.NiScope",
    "niswitch_grpc.NiSwitch",
    "nidevice_grpc.SessionUtilities",
    "device_sim.v1.Bench",
    "grpc.reflection.v1alpha.ServerReflection",
}


@pytest.fixture
def database(channel):
    return ProtoReflectionDescriptorDatabase(channel)


def test_all_services_are_listed(database):
    assert set(database.get_services()) == SERVICES


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_can_be_described(database, service):
    assert DescriptorPool(database).FindServiceByName(service).methods


def test_a_call_can_be_made_from_the_description(database, channel, server, open_dmm):
    open_dmm(name="mine")
    service = DescriptorPool(database).FindServiceByName("device_sim.v1.Bench")
    method = service.methods_by_name["ListSessions"]
    request, answer = (GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    call = channel.unary_unary(
        f"/{service.full_name}/{method.name}", request.SerializeToString, answer.FromString
    )
    assert "mine" in str(call(request()))


def test_a_server_loads_reflection_only_on_request():
    code = (
        "import sys; from device_sim import DeviceServer; "
        "DeviceServer().start(); print('grpc_reflection.v1alpha' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
