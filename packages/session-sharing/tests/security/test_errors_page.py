"""T26: every call with every error, over real gRPC; docs/errors.md lists the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import grpc
import pytest
from error_page import COMMAND, PAGE, Case, errors_in, updated
from every_call import CASES as EVERY_CALL
from every_call import STREAM_CASES, AnyCall
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from lifecycle_bench import LifecycleBench, lifecycle_bench
from lifecycle_errors import CASES, HEALTH_CASES, SERVICE, tables
from raw_calls import answers, assert_refused, served_methods
from session_sharing.core import errors
from session_sharing.server import SessionHost
from session_sharing.v1 import lifecycle_pb2 as pb

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
METHODS = [method for service in (SERVICE, HEALTH, REFLECTION) for method in service.methods]
STREAMS = [method for method in METHODS if method.server_streaming]


@pytest.fixture
def bench() -> Iterator[LifecycleBench]:
    with lifecycle_bench() as bench:
        yield bench


@pytest.mark.parametrize("case", [*CASES, *HEALTH_CASES], ids=str)
def test_a_call_raises_the_error_that_the_page_says(case: Case, bench: LifecycleBench) -> None:
    assert_refused(lambda: case.provoke(bench), case.error)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
@pytest.mark.parametrize("case", EVERY_CALL, ids=str)
def test_every_call_needs_an_identity_and_a_message(
    case: Case, method: MethodDescriptor, bench: LifecycleBench
) -> None:
    call = AnyCall(bench.host, bench.channel, method)
    assert_refused(lambda: case.provoke(call), case.error, by_grpc=case.by_grpc)


@pytest.mark.parametrize("method", STREAMS, ids=lambda method: method.full_name)
@pytest.mark.parametrize("case", STREAM_CASES, ids=str)
def test_every_stream_is_counted(
    case: Case, method: MethodDescriptor, bench: LifecycleBench
) -> None:
    call = AnyCall(bench.host, bench.channel, method)
    assert_refused(lambda: case.provoke(call), case.error)


def test_the_cases_cover_every_call_that_is_served(bench: LifecycleBench) -> None:
    served = served_methods(bench.channel, metadata=bench.user)
    assert {m.full_name for m in served} == {m.full_name for m in METHODS}


WHERE_THE_CORE_IS_CALLED: dict[str, Callable[[SessionHost], tuple[object, str]]] = {
    "Hold": lambda host: (host.clients, "hold"),
    "Open": lambda host: (host.clients, "open"),
    "Detach": lambda host: (host.registry, "end"),
    "Close": lambda host: (host.registry, "session"),
    "ListSessions": lambda host: (host.registry, "sessions"),
    "Watch": lambda host: (host.registry.events, "since"),
    "GetServerInfo": lambda host: (type(host.registry), "__len__"),
}


@pytest.fixture(scope="module")
def one_bench() -> Iterator[LifecycleBench]:
    """A host for all errors that the test raises in place of the core."""
    with lifecycle_bench() as bench:
        yield bench


@pytest.fixture(scope="module")
def attachment(one_bench: LifecycleBench) -> str:
    return one_bench.open("r", without_presence=True).attachment


@pytest.mark.parametrize("error", errors_in(errors), ids=lambda error: error.reason)
@pytest.mark.parametrize("method", list(SERVICE.methods), ids=lambda method: method.name)
def test_every_error_of_the_core_arrives_as_the_same_class(
    method: MethodDescriptor,
    error: type[errors.SessionSharingError],
    one_bench: LifecycleBench,
    attachment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("As told.", limit="none")

    monkeypatch.setattr(*WHERE_THE_CORE_IS_CALLED[method.name](one_bench.host), fail)
    request = pb.DetachRequest(attachment=attachment) if method.name == "Detach" else None
    data = request.SerializeToString() if request else b""
    call = partial(answers, one_bench.channel, method, data, metadata=one_bench.user, timeout=60)

    assert_refused(call, error)


def test_health_and_reflection_answer_unknown_services_in_a_message(
    bench: LifecycleBench,
) -> None:
    request = health_pb2.HealthCheckRequest(service="unknown")
    watch = health_pb2_grpc.HealthStub(bench.channel).Watch(request, metadata=bench.user)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()

    reflect = reflection_pb2_grpc.ServerReflectionStub(bench.channel).ServerReflectionInfo
    unknown_symbol = reflection_pb2.ServerReflectionRequest(file_containing_symbol="unknown")
    answer = next(reflect(iter([unknown_symbol]), metadata=bench.user))
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_a_call_that_is_not_served_is_unimplemented(bench: LifecycleBench) -> None:
    for path in ("/session_sharing.v1.SessionLifecycle/Reopen", "/unknown.Service/Call"):
        with pytest.raises(grpc.RpcError) as refused:
            bench.channel.unary_unary(path)(b"", metadata=bench.user)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_page_has_exactly_the_cases_of_these_tests() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page, tables()) == page, f"docs/errors.md is out of date; run `{COMMAND}`"
