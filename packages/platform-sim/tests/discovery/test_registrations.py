"""Registrations cannot hide each other or the platform's own services, and have limits."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager

import grpc
import psutil
import pytest
from capabilities import needs_callers, needs_limits
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
from platform_process import DEADLINE, running_platform, wait_for_exit
from platform_sim.discovery.description import Location
from platform_sim.discovery.reachability import Prober
from platform_sim.hook import hooked_environment
from plugin_folders import service_entry, write_service_config
from plugin_kit.calling import PlatformClient

PIN_MAP = "ni.measurementlink.pinmap.v1.PinMapService"
SESSIONS = "ni.measurementlink.sessionmanagement.v1.SessionManagementService"
DISCOVERY = "ni.measurementlink.discovery.v1.DiscoveryService"
DEVICES = "ni.measurementlink.v1.grpcdeviceserver"
HERE = "127.0.0.1"

REGISTERS = """
    import socket, sys
    from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
    name, port = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    port = port or str(listener.getsockname()[1])
    info = ServiceInfo(name, "", ["test.Interface"], {}, "Test", ["1.0.0"])
    try:
        DiscoveryClient().register_service(info, ServiceLocation("127.0.0.1", port, ""))
        print("registered", port, flush=True)
    except Exception as error:
        print(error.details(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def client(ni_platform):
    return DiscoveryClient()


@pytest.fixture
def listener():
    with socket.create_server((HERE, 0)) as made:
        yield made


def info(service_class="test.Service", interface="test.Interface", version="1.0.0", **changes):
    values = {
        "service_class": service_class,
        "description_url": "",
        "provided_interfaces": [interface],
        "annotations": {},
        "display_name": "Test",
        "versions": [version],
        **changes,
    }
    return ServiceInfo(**values)


def place(listener):
    return ServiceLocation(HERE, str(listener.getsockname()[1]), "")


@contextmanager
def another_process(ni_platform, service_class="test.Service", port=""):
    """Yield a process that registers a service, and the line that it printed."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(REGISTERS), service_class, port],
        env=hooked_environment(ni_platform.discovery_address, os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("service_class", "interface"),
    [
        (PIN_MAP, PIN_MAP),
        (SESSIONS, SESSIONS),
        (DISCOVERY, DISCOVERY),
        (DEVICES, "nidmm_grpc.NiDmm"),
        ("test.Service", PIN_MAP),
        ("test.Service", SESSIONS),
        ("test.Service", DISCOVERY),
        ("test.Service", "platform_sim.v1.Sequences"),
    ],
)
def test_no_process_registers_as_one_of_the_platforms_own_services(
    client, listener, service_class, interface
):
    before = client.resolve_service(PIN_MAP), client.resolve_service("nidmm_grpc.NiDmm")
    with pytest.raises(grpc.RpcError) as raised:
        client.register_service(info(service_class, interface, "9.9.9"), place(listener))
    assert raised.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert "the platform's own" in raised.value.details()
    after = client.resolve_service(PIN_MAP), client.resolve_service("nidmm_grpc.NiDmm")
    assert after == before


def test_a_plugin_folder_brings_none_of_the_platforms_own_services(tmp_path):
    entries = [
        service_entry(PIN_MAP, providedInterfaces=[PIN_MAP], version="9.9.9"),
        service_entry(DEVICES, providedInterfaces=["nidmm_grpc.NiDmm"], version="9.9.9"),
    ]
    for number, entry in enumerate(entries):
        write_service_config(tmp_path / str(number), entry)
    with running_platform(tmp_path, "--plugins", tmp_path) as platform:
        with PlatformClient(platform.state.discovery_address) as client:
            assert client.resolve(PIN_MAP) == platform.state.discovery_address
            assert client.resolve("nidmm_grpc.NiDmm") == platform.state.device_server_address
            versions = [one.versions for one in client.services() if one.service_class == DEVICES]
        assert [list(one) for one in versions] == [[]]
        skipped = [line for line in platform.output if "A .serviceconfig file is ignored. " in line]
        assert "the platform's own" in "".join(skipped)


def test_the_number_of_registrations_has_a_limit_that_ended_services_do_not_use_up(client):
    with socket.create_server((HERE, 0)) as gone:
        ended = place(gone)
    with socket.create_server((HERE, 0)) as alive:
        for number in range(1000):
            client.register_service(info(version=f"1.0.{number}"), ended)
        first = client.register_service(info("test.First"), place(alive))
        with pytest.raises(grpc.RpcError) as raised:
            for number in range(1000):
                client.register_service(info(version=f"2.0.{number}"), place(alive))
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1000 services" in raised.value.details()
        assert client.unregister_service(first)
        client.register_service(info("test.First"), place(alive))


@pytest.mark.parametrize("part", ["annotations", "display_name", "provided_interfaces"])
def test_the_size_of_a_registration_has_a_limit(client, listener, part):
    large = "x" * 70_000
    value = {"annotations": {"key": large}, "provided_interfaces": [large]}.get(part, large)
    with pytest.raises(grpc.RpcError) as raised:
        client.register_service(info(**{part: value}), place(listener))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "64 KiB" in raised.value.details()


@needs_callers
@pytest.mark.parametrize("where", ["elsewhere", "at the same place"])
def test_another_process_cannot_replace_the_registration_of_a_running_one(
    ni_platform, client, where
):
    with another_process(ni_platform) as (first, told):
        port = told.removeprefix("registered ")
        taken = port if where == "at the same place" else ""
        with another_process(ni_platform, port=taken) as (_, refusal):
            assert f"process {first.pid} (" in refusal
            assert "alive" in refusal
        assert client.resolve_service("test.Interface").insecure_port == port

        first.kill()
        assert wait_for_exit(first.pid, DEADLINE)
        with another_process(ni_platform) as (_, told):
            successor = told.removeprefix("registered ")
            assert client.resolve_service("test.Interface").insecure_port == successor


def test_a_process_may_repeat_its_registration(client, listener):
    with socket.create_server((HERE, 0)) as other:
        client.register_service(info(), place(other))
        client.register_service(info(), place(listener))
        client.register_service(info(display_name="Renamed"), place(listener))
        found, described = client.resolve_service_with_information("test.Interface")
    assert (found, described.display_name) == (place(listener), "Renamed")


@needs_limits
def test_a_platform_without_free_descriptors_takes_no_service_for_dead(tmp_path, listener):
    resource = pytest.importorskip("resource")
    with running_platform(tmp_path) as platform:
        channel = grpc.insecure_channel(platform.state.discovery_address)
        found = DiscoveryClient(discovery_service_pb2_grpc.DiscoveryServiceStub(channel))
        found.register_service(info(), place(listener))
        pid = platform.process.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (psutil.Process(pid).num_fds(), usual[1]))
        try:
            assert found.resolve_service("test.Interface") == place(listener)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
        assert found.resolve_service("test.Interface") == place(listener)


@pytest.mark.parametrize("host", ["198.51.100.7", "elsewhere.invalid"])
def test_a_service_of_another_machine_is_not_probed(client, host):
    there = ServiceLocation(host, "5000", "")
    client.register_service(info(), there)
    assert client.resolve_service("test.Interface") == there


def test_a_port_that_answers_late_is_not_dead_and_does_not_hold_up_others():
    with socket.socket() as full, socket.create_server((HERE, 0)) as gone:
        full.bind((HERE, 0))
        full.listen(0)
        dead = Location(HERE, str(gone.getsockname()[1]))
        gone.close()
        same = Location("localhost", dead.insecure_port)
        late = Location(HERE, str(full.getsockname()[1]))
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        started = time.monotonic()
        assert asyncio.run(Prober().dead_among([late, dead, same])) == {dead, same}
        assert time.monotonic() - started < DEADLINE / 4
        for one in waiting:
            one.close()
