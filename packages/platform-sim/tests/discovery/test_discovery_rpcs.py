"""Every RPC of discovery, with its documented errors, through NI's own client."""

from __future__ import annotations

import socket
import sys

import grpc
import pytest
from device_sim import DeviceServer
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as pb
from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
from platform_sim import Platform, PlatformOptions
from plugin_folders import service_entry, write_plain_service, write_service_config
from plugin_kit.calling import PlatformClient, PlatformError

LISTENING = "127.0.0.1"


@pytest.fixture
def client(ni_platform):
    return DiscoveryClient()


@pytest.fixture
def location(ni_platform):
    """Return a location at which a process listens: the platform's own port."""
    return ServiceLocation(LISTENING, ni_platform.discovery_address.rpartition(":")[2], "")


def info(service_class="test.Service", interface="test.Interface", version="1.0.0", **changes):
    values = {
        "service_class": service_class,
        "description_url": "https://example.org",
        "provided_interfaces": [interface],
        "annotations": {"ni/service.description": "A test."},
        "display_name": "Test",
        "versions": [version],
        **changes,
    }
    return ServiceInfo(**values)


def code_of(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as raised:
        call(*args, **kwargs)
    return raised.value.code(), raised.value.details()


def test_a_registered_service_resolves_until_it_unregisters(client, location):
    registration_id = client.register_service(info(), location)

    assert client.resolve_service("test.Interface", "test.Service") == location
    assert client.unregister_service(registration_id)
    code, _ = code_of(client.resolve_service, "test.Interface", "test.Service")
    assert code is grpc.StatusCode.NOT_FOUND


def test_registering_the_same_again_replaces_the_first(client, location):
    first = client.register_service(info(), location)
    client.register_service(info(), location)

    assert code_of(client.unregister_service, first)[0] is grpc.StatusCode.NOT_FOUND
    assert client.resolve_service("test.Interface") == location


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"display_name": ""}, "display_name"),
        ({"provided_interfaces": []}, "provided_interfaces"),
        ({"service_class": ""}, "service_class"),
        ({"versions": ["1.0.0", "2.0.0"]}, "one version"),
        ({"versions": ["0.0.1"]}, "0.0.1"),
    ],
)
def test_register_refuses_an_incomplete_description(client, location, changes, named):
    code, details = code_of(client.register_service, info(**changes), location)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert named in details


@pytest.mark.parametrize(
    "bad",
    [
        ServiceLocation("", "5000", ""),
        ServiceLocation("localhost", "", ""),
        ServiceLocation("localhost", "port", ""),
        ServiceLocation("localhost", "65536", ""),
        ServiceLocation("localhost", "5000", "-1"),
    ],
)
def test_register_refuses_a_bad_location(client, bad):
    code, _ = code_of(client.register_service, info(), bad)
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_unregister_of_an_unknown_id_is_not_found(client):
    assert code_of(client.unregister_service, "no-such-id")[0] is grpc.StatusCode.NOT_FOUND


def test_resolve_needs_an_interface(client):
    assert code_of(client.resolve_service, "")[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_resolve_of_nothing_says_how_to_look(client):
    code, details = code_of(client.resolve_service, "no.Interface")
    assert code is grpc.StatusCode.NOT_FOUND
    assert "platform-sim services" in details


def test_resolve_without_a_class_refuses_to_choose(client, location):
    client.register_service(info("test.One"), location)
    client.register_service(info("test.Two"), location)

    code, details = code_of(client.resolve_service, "test.Interface")
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "test.One, test.Two" in details
    assert client.resolve_service("test.Interface", "test.Two") == location


def test_resolve_knows_this_machine_as_the_only_target(client, location):
    client.register_service(info(), location)
    (node,) = client.enumerate_compute_nodes()

    assert node.is_local
    assert client.resolve_service("test.Interface", deployment_target=node.url) == location
    code, _ = code_of(client.resolve_service, "test.Interface", deployment_target="rt-target")
    assert code is grpc.StatusCode.NOT_FOUND


def test_the_latest_version_resolves_by_default_and_others_by_name(client, location):
    for version in ("1.9.0", "1.10.0", "1.2.3.4"):
        client.register_service(info(version=version), location)

    def version_of(asked):
        _, found = client.resolve_service_with_information("test.Interface", version=asked)
        return found.versions

    assert version_of("") == ["1.10.0"]
    assert version_of("1.2.3.4") == ["1.2.3.4"]
    code, details = code_of(client.resolve_service, "test.Interface", version="3.0.0")
    assert code is grpc.StatusCode.NOT_FOUND
    assert "1.2.3.4, 1.9.0, 1.10.0" in details


def test_resolve_with_information_describes_the_service(client, location):
    client.register_service(info(), location)

    found_location, found = client.resolve_service_with_information("test.Interface")

    assert found_location == location
    assert (found.service_class, found.display_name) == ("test.Service", "Test")
    assert found.annotations["ni/service.programminglanguage"] == "Python"


def test_a_version_that_is_not_set_is_no_version(client, location):
    client.register_service(info(version=""), location)

    assert client.resolve_service_with_information("test.Interface")[1].versions == []
    client.register_service(info(version="0.1.0"), location)
    assert client.resolve_service_with_information("test.Interface")[1].versions == ["0.1.0"]


def test_enumerate_lists_a_class_once_with_running_and_installed_versions(
    ni_platform, client, location, tmp_path
):
    for version in ("1.0.0", "2.0.0"):
        write_service_config(
            tmp_path / version,
            service_entry(
                "test.Service", providedInterfaces=["test.Interface"], version=version, path="x.bat"
            ),
        )
    ni_platform.add_plugins(tmp_path)
    client.register_service(info(version="1.5.0"), location)

    (found,) = client.enumerate_services("test.Interface")
    assert found.versions == ["2.0.0", "1.5.0", "1.0.0"]


def test_enumerate_filters_by_interface_and_class_and_lists_all_without(client, location):
    client.register_service(info("test.One", "test.A"), location)
    client.register_service(info("test.Two", "test.B"), location)
    stub = client._get_stub()

    def classes(**filters):
        response = stub.EnumerateServices(pb.EnumerateServicesRequest(**filters))
        return {one.service_class for one in response.available_services}

    assert classes(provided_interface="test.A") == {"test.One"}
    assert classes(service_class="test.Two") == {"test.Two"}
    assert classes(provided_interface="test.A", service_class="test.Two") == set()
    assert classes() >= {"test.One", "test.Two", "ni.measurementlink.pinmap.v1.PinMapService"}


def test_enumerate_names_what_does_not_answer_any_more(client):
    with socket.create_server((LISTENING, 0)) as listener:
        port = listener.getsockname()[1]
    client.register_service(info(), ServiceLocation(LISTENING, str(port), ""))
    stub = client._get_stub()

    first = stub.EnumerateServices(pb.EnumerateServicesRequest(service_class="test.Service"))
    assert (list(first.available_services), list(first.unreachable)) == ([], ["test.Service"])


def test_active_services_are_those_that_run(ni_platform, client, location, tmp_path):
    write_plain_service(tmp_path / "stopped", "test.Stopped")
    ni_platform.add_plugins(tmp_path)
    client.register_service(info(), location)

    response = client._get_stub().EnumerateActiveServices(
        pb.EnumerateActiveServicesRequest(provided_interface="test.Interface")
    )
    (active,) = response.active_services
    assert active.service_descriptor.service_class == "test.Service"
    assert active.service_location.insecure_port == location.insecure_port


def test_a_driver_that_is_not_simulated_is_reported_with_those_that_are(client):
    code, told = code_of(client.resolve_service, "nirfsg_grpc.NiRFSG")
    assert code is grpc.StatusCode.NOT_FOUND
    simulated = ", ".join(DeviceServer().interfaces)
    assert f"The device server simulates {simulated} only" in told
    assert "To simulate this one" not in told
    assert "simulates" not in code_of(client.resolve_service, "test.Nowhere")[1]


def test_a_driver_that_is_not_installed_is_reported_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "niswitch", None)  # so that it cannot be found
    with Platform(PlatformOptions()) as platform:
        client = PlatformClient(platform.discovery_address)
        with client, pytest.raises(PlatformError) as raised:
            client.resolve("niswitch_grpc.NiSwitch")
    assert "To simulate this one, install 'measurement-device-sim[switch]'." in str(raised.value)
