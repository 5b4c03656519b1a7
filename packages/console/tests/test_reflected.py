"""A service is called by what its server says of itself; nonsense that it says is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha import reflection_pb2_grpc
from measurement_console.errors import ServiceCallError
from measurement_console.reflected import ReflectedService, reflect
from platform_sim.platform import Platform, PlatformOptions

SEQUENCES = "platform_sim.v1.Sequences"
Answer = Callable[[pb.ServerReflectionRequest], pb.ServerReflectionResponse]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sequences")
    options = PlatformOptions(sequence_folders=(folder,), has_device_server=False)
    with Platform(options) as platform:
        yield platform.discovery_address


def reflected(address: str, service: str = SEQUENCES) -> ReflectedService:
    """Return the service of a server. Its channel is closed, so it cannot be called."""
    with grpc.insecure_channel(address) as channel:
        return reflect(channel, service)


def test_calls_and_streams_have_the_servers_answers_and_refusals(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        service = reflect(channel, SEQUENCES)
        assert list(service.call("List").runs) == []
        with pytest.raises(ServiceCallError, match="does not exist") as caught:
            service.call("Terminate", run_id="no")
        assert caught.value.status is grpc.StatusCode.NOT_FOUND
        with pytest.raises(ServiceCallError, match="does not exist"):
            list(service.stream("Watch", run_id="no"))


@pytest.mark.parametrize(
    ("method", "fields", "said"),
    [
        ("Rewind", {}, "has no Rewind. Update the server"),
        ("Start", {"speed": 2}, "does not take speed"),
        ("Start", {"sites": "all"}, "does not take sites"),
    ],
)
def test_what_another_version_of_the_server_lacks_is_said(
    address: str, method: str, fields: dict[str, object], said: str
) -> None:
    service = reflected(address)
    assert service.has("List")
    with pytest.raises(ServiceCallError, match=said):
        service.call(method, **fields)


def test_a_service_that_the_server_does_not_have_is_said(address: str) -> None:
    with pytest.raises(ServiceCallError, match=r"does not have device_sim\.v1\.Bench") as caught:
        reflected(address, "device_sim.v1.Bench")
    assert not caught.value.is_away


def test_a_server_that_is_gone_is_away() -> None:
    with pytest.raises(ServiceCallError) as caught:
        reflected("127.0.0.1:1")
    assert caught.value.is_away


def test_a_server_without_reflection_is_said() -> None:
    with serving() as address, pytest.raises(ServiceCallError) as caught:
        reflected(address)
    assert caught.value.status is grpc.StatusCode.UNIMPLEMENTED


def files(*contents: bytes) -> pb.ServerReflectionResponse:
    found = pb.FileDescriptorResponse(file_descriptor_proto=contents)
    return pb.ServerReflectionResponse(file_descriptor_response=found)


def file(name: str, *imports: str) -> bytes:
    return descriptor_pb2.FileDescriptorProto(
        name=name, dependency=imports, syntax="proto3"
    ).SerializeToString()


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: files(b"\xff" * 40),
        lambda request: files(),
        lambda request: files(file("a.proto")),
        lambda request: files(file("a.proto", "a.proto")),
        lambda request: files(file("a.proto", "b.proto"), file("b.proto", "a.proto")),
        lambda request: files(file("a.proto", "missing.proto")),
        lambda request: files(*(file(f"{number}.proto") for number in range(1000))),
        lambda request: pb.ServerReflectionResponse(),
    ],
    ids=["garbage", "nothing", "other", "self", "circle", "missing", "many", "empty"],
)
def test_a_server_that_says_nonsense_is_an_error_and_not_a_crash(answer: Answer) -> None:
    with serving(answer) as address, pytest.raises(ServiceCallError) as caught:
        reflected(address)
    assert caught.value.status is grpc.StatusCode.UNIMPLEMENTED


class Reflection(reflection_pb2_grpc.ServerReflectionServicer):
    """A server's reflection that gives one answer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def ServerReflectionInfo(
        self, requests: Iterable[pb.ServerReflectionRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ServerReflectionResponse]:
        listed = pb.ListServiceResponse(service=[pb.ServiceResponse(name=SEQUENCES)])
        for request in requests:
            if request.HasField("list_services"):
                yield pb.ServerReflectionResponse(list_services_response=listed)
            else:
                yield self._answer(request)


@contextmanager
def serving(answer: Answer | None = None) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    if answer is not None:
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Reflection(answer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
