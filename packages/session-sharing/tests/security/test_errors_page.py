"""T26: every call with every error it can give, as docs/errors.md says, read by grpc's tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hosting import Lock, hosted
from session_sharing.client.errors import from_rpc_error
from session_sharing.core import errors
from session_sharing.core.admission import Limits
from session_sharing.core.registry import RegistryOptions
from session_sharing.core.resources import Candidate
from session_sharing.server import HostOptions, SessionHost
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

PAGE = Path(__file__).parents[4] / "docs" / "errors.md"
SECRET = b"0123456789abcdef"
OTHER = b"fedcba9876543210"


class Moody(Lock):
    """Fails to open with the error that its name asks for."""

    @classmethod
    def locate(cls, name: str, *, create: bool) -> Candidate:
        if name == "missing" and not create:
            raise errors.ResourceNotFoundError("There is none.")
        return super().locate(name, create=create)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        error = getattr(errors, name, None)
        if error is not None:
            raise error(f"{name}, as asked for.")


class Bench:
    """A server, and raw calls to it as a user, a key holder and a stranger."""

    def __init__(self, host: SessionHost, stack: ExitStack) -> None:
        self.host = host
        target = host.targets[0].removeprefix("ipv4:")
        self.channel = stack.enter_context(grpc.insecure_channel(target))
        self.stub = lifecycle_pb2_grpc.SessionLifecycleStub(self.channel)
        self.user = (("authorization", f"Bearer {host.authenticator.token}"),)
        self.key = (("authorization", "ApiKey id:key"),)
        self._streams: list[grpc.Call] = []
        stack.callback(lambda: [stream.cancel() for stream in self._streams])

    def hold(self, secret: bytes = SECRET, metadata: object = None) -> None:
        stream = self.stub.Hold(
            pb.HoldRequest(client_secret=secret), metadata=metadata or self.user
        )
        next(stream)
        self._streams.append(stream)

    def open(self, resource: str, metadata: object = None, **more: object) -> pb.OpenResponse:
        fields: dict[str, object] = {"client_secret": SECRET, "kind": "moody", **more}
        request = pb.OpenRequest(resource=resource, **fields)  # type: ignore[arg-type]
        return self.stub.Open(request, metadata=metadata or self.user)

    def raw(self, method: str, data: bytes) -> None:
        """Send bytes that are no message."""
        path = f"/session_sharing.v1.SessionLifecycle/{method}"
        if method in ("Hold", "Watch"):
            next(self.channel.unary_stream(path)(data, metadata=self.user))
        else:
            self.channel.unary_unary(path)(data, metadata=self.user)


def _already_open(bench: Bench) -> None:
    bench.hold()
    bench.open("r")
    bench.open("r", behavior=pb.BEHAVIOR_INITIALIZE_SERVER_SESSION)


def _name_in_use(bench: Bench) -> None:
    bench.hold()
    bench.open("r", session_name="n")
    bench.open("s", session_name="n")


def _too_many_sessions(bench: Bench) -> None:
    bench.hold()
    for number in range(3):
        bench.open(f"r{number}")


def _draining(bench: Bench) -> None:
    bench.hold()
    bench.host.registry.drain()
    bench.open("r")


def _somebody_elses(bench: Bench) -> None:
    bench.hold()
    opened = bench.open("r")
    bench.stub.Close(pb.CloseRequest(session_name=opened.session_name), metadata=bench.key)


def _closed(bench: Bench) -> None:
    bench.hold()
    opened = bench.open("r")
    bench.stub.Close(pb.CloseRequest(attachment=opened.attachment), metadata=bench.user)
    bench.stub.Close(pb.CloseRequest(session_name=opened.session_name), metadata=bench.user)


def _fail_to_open(name: str) -> Callable[[Bench], object]:
    def open_it(bench: Bench) -> object:
        bench.hold()
        return bench.open(name)

    return open_it


def _open(**fields: object) -> Callable[[Bench], object]:
    def open_it(bench: Bench) -> object:
        bench.hold()
        return bench.open(**{"resource": "r", **fields})  # type: ignore[arg-type]

    return open_it


def _hold_too_many(bench: Bench) -> None:
    for number in range(4):
        bench.hold(bytes([number]) * 16)


def _hold_draining(bench: Bench) -> None:
    bench.host.registry.drain()
    bench.hold()


ATTACH = pb.BEHAVIOR_ATTACH_TO_SERVER_SESSION
MALFORMED = b"\x08"
CASES: dict[tuple[str, str], Callable[[Bench], object]] = {
    ("Hold", "INVALID_ARGUMENT"): lambda bench: bench.hold(b"short"),
    ("Hold", "LIMIT_EXCEEDED"): _hold_too_many,
    ("Hold", "SERVER_DRAINING"): _hold_draining,
    ("Open", "INVALID_ARGUMENT"): _open(kind="unknown"),
    ("Open", "NOT_A_RESOURCE"): _fail_to_open("NotAResourceError"),
    ("Open", "SESSION_ALREADY_OPEN"): _already_open,
    ("Open", "NAME_IN_USE"): _name_in_use,
    ("Open", "RESOURCE_IN_USE"): _fail_to_open("ResourceInUseError"),
    ("Open", "SESSION_NOT_FOUND"): _open(resource="missing", behavior=ATTACH),
    ("Open", "RESOURCE_NOT_FOUND"): _fail_to_open("ResourceNotFoundError"),
    ("Open", "SESSION_EXPIRED"): lambda bench: bench.open("r"),
    ("Open", "NOT_PERMITTED"): _fail_to_open("NotPermittedError"),
    ("Open", "LIMIT_EXCEEDED"): _too_many_sessions,
    ("Open", "STORAGE_FULL"): _fail_to_open("StorageFullError"),
    ("Open", "RESOURCE_LOST"): _fail_to_open("ResourceLostError"),
    ("Open", "SERVER_DRAINING"): _draining,
    ("Open", "RESOURCE_BUSY"): _fail_to_open("ResourceBusyError"),
    ("Detach", "SESSION_EXPIRED"): lambda bench: bench.stub.Detach(
        pb.DetachRequest(attachment="unknown"), metadata=bench.user
    ),
    ("Close", "SESSION_EXPIRED"): lambda bench: bench.stub.Close(
        pb.CloseRequest(attachment="unknown"), metadata=bench.user
    ),
    ("Close", "SESSION_NOT_FOUND"): _closed,
    ("Close", "NOT_PERMITTED"): _somebody_elses,
}
METHODS = ("Hold", "Open", "Detach", "Close", "ListSessions", "Watch", "GetServerInfo")


@pytest.fixture
def bench() -> Iterator[Bench]:
    limits = Limits(max_sessions=2, max_clients=3)
    options = HostOptions(
        api_keys={"id": "key"}, registry=RegistryOptions(limits=limits), grace=0.5
    )
    with hosted(options, {"moody": Moody}) as host, ExitStack() as stack:
        yield Bench(host, stack)


def _refusal(call: Callable[[], object]) -> tuple[str, str, errors.SessionSharingError]:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    status = rpc_status.from_call(refused.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "session-sharing"
    return refused.value.code().name, info.reason, from_rpc_error(refused.value)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_call_gives_the_error_that_the_page_says(case: tuple[str, str], bench: Bench) -> None:
    code, reason, error = _refusal(lambda: CASES[case](bench))

    assert reason == case[1]
    assert error.reason == reason and error.status == code, "the client raises the server's class"
    assert f"| {case[0]} | {reason} | {code} |" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("method", METHODS)
def test_every_call_wants_an_identity_and_a_message(method: str, bench: Bench) -> None:
    request = {"ListSessions": pb.ListSessionsRequest(), "GetServerInfo": pb.GetServerInfoRequest()}
    message = request.get(method) or getattr(pb, f"{method}Request")()

    def as_a_stranger() -> None:
        answer = getattr(bench.stub, method)(message)
        if method in ("Hold", "Watch"):
            next(answer)

    assert _refusal(as_a_stranger)[:2] == ("UNAUTHENTICATED", "NOT_AUTHENTICATED")
    malformed = _refusal(lambda: bench.raw(method, MALFORMED))
    assert malformed[:2] == ("INVALID_ARGUMENT", "INVALID_ARGUMENT")


def test_the_page_claims_nothing_that_is_not_tried() -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## SessionLifecycle")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    claimed = {(row[1].strip(), row[2].strip()) for row in rows}

    assert {case for case in claimed if case[0] != "every call"} == set(CASES)


def test_the_page_explains_every_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, cls in vars(errors).items():
        if isinstance(cls, type) and cls.reason != "INTERNAL":
            assert f"| {cls.reason} | {cls.status} | `{name}` |" in page
