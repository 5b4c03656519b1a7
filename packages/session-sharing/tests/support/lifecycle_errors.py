"""Cause every error that is known to arise in a call of SessionLifecycle."""

from __future__ import annotations

from functools import partial

from error_page import Case, case, cases_table, classes_table, errors_in, matrix
from every_call import CASES as EVERY_CALL
from every_call import STREAM_CASES, on_every
from grpc_health.v1 import health_pb2, health_pb2_grpc
from lifecycle_bench import FAILING, STUCK, LifecycleBench
from processes import eventually
from session_sharing.client import errors as client_errors
from session_sharing.core import errors
from session_sharing.v1 import lifecycle_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["SessionLifecycle"]
CALLS = tuple(method.name for method in SERVICE.methods)
NEW = pb.BEHAVIOR_INITIALIZE_SERVER_SESSION
ATTACH = pb.BEHAVIOR_ATTACH_TO_SERVER_SESSION
ATTACH_THEN_CLOSE = pb.BEHAVIOR_ATTACH_TO_SESSION_THEN_CLOSE

CASES: list[Case] = []
_hold = partial(case, CASES, "Hold")
_open = partial(case, CASES, "Open")
_detach = partial(case, CASES, "Detach")
_close = partial(case, CASES, "Close")

HEALTH_CASES: list[Case] = []
_check = partial(case, HEALTH_CASES, "Check")


def tables() -> dict[str, str]:
    """Return the tables of docs/errors.md that belong to this package."""
    classes = errors_in(errors)
    return {
        "errors": classes_table(classes),
        "errors of clients": classes_table(errors_in(client_errors)),
        "every call": cases_table([*EVERY_CALL, *STREAM_CASES], classes),
        "health by call": cases_table(HEALTH_CASES, classes),
        "SessionLifecycle by call": cases_table(CASES, classes),
        "SessionLifecycle": matrix(CALLS, classes, [*CASES, *on_every(CALLS)]),
    }


@_check(errors.ResourceNotFoundError, "the server has no such service")
def _(bench: LifecycleBench) -> None:
    request = health_pb2.HealthCheckRequest(service="unknown")
    health_pb2_grpc.HealthStub(bench.channel).Check(request, metadata=bench.user)


@_hold(errors.InvalidArgumentError, "the secret is too short")
def _(bench: LifecycleBench) -> None:
    bench.hold(b"short")


@_hold(errors.LimitExceededError, "the server has too many clients")
def _(bench: LifecycleBench) -> None:
    for number in range(4):
        bench.hold(bytes([number]) * 16)


@_hold(errors.ServerDrainingError, "the server is stopping, and the client is new")
def _(bench: LifecycleBench) -> None:
    bench.host.registry.drain()
    bench.hold()


@_open(errors.InvalidArgumentError, "the kind is unknown")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r", kind="unknown")


@_open(errors.InvalidArgumentError, "an enum has an unknown value")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r", behavior=99)


@_open(
    errors.InvalidArgumentError, "the request names neither a resource nor a session to attach to"
)
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("")


@_open(errors.InvalidArgumentError, "the secret is too short")
def _(bench: LifecycleBench) -> None:
    bench.open("r", client_secret=b"short", without_presence=True)


@_open(errors.InvalidArgumentError, "the request id is too long")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r", request_id="x" * 300)


@_open(
    errors.SessionAlreadyOpenError,
    "the caller asks for a new session, and there is one; the error names its opener",
)
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r")
    bench.open("r", behavior=NEW)


@_open(
    errors.SessionAlreadyOpenError,
    "the request has waited for as long as it wanted; the error names those who came before it",
)
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r")
    bench.open("r", behavior=NEW, wait_ms=100)


@_open(
    errors.SessionAlreadyOpenError,
    "a client has closed the session, which ends with its last attachment",
)
def _(bench: LifecycleBench) -> None:
    bench.hold()
    closing = bench.open("r", close_policy=pb.CLOSE_POLICY_WITH_LAST_ATTACHMENT)
    bench.open("r")
    bench.close(attachment=closing.attachment)
    bench.open("r")


@_open(errors.NameInUseError, "the session name belongs to another resource")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r", session_name="n")
    bench.open("s", session_name="n")


@_open(errors.NameInUseError, "the resource is open under another session name")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r", session_name="n")
    bench.open("r", session_name="m")


@_open(errors.SessionNotFoundError, "the caller only attaches, and there is no session")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("missing", behavior=ATTACH)


@_open(errors.SessionNotFoundError, "the session of that name is of another kind")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r", session_name="n")
    bench.open("", kind="lock", session_name="n", behavior=ATTACH)


@_open(errors.SessionExpiredError, "the client holds no presence stream")
def _(bench: LifecycleBench) -> None:
    bench.open("r")


@_open(errors.NotPermittedError, "the end of the attachment would close another identity's session")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("r")
    bench.hold(metadata=bench.other)
    bench.open("r", bench.other, behavior=ATTACH_THEN_CLOSE)


@_open(errors.LimitExceededError, "too many sessions are open")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    for number in range(3):
        bench.open(f"r{number}")


@_open(errors.LimitExceededError, "the session has too many attachments")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    for _ in range(3):
        bench.open("r")


@_open(
    errors.LimitExceededError, "the server has too many clients; this one holds no presence stream"
)
def _(bench: LifecycleBench) -> None:
    for number in range(4):
        bench.open(f"r{number % 2}", client_secret=bytes([number]) * 16, without_presence=True)


@_open(errors.LimitExceededError, "a name is too long")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.open("x" * 5000)


@_open(errors.ServerDrainingError, "the server is stopping")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.host.registry.drain()
    bench.open("r")


@_open(errors.ResourceBusyError, "the last session's release hook does not return")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    stuck = pb.CloseRequest(attachment=bench.open(STUCK).attachment)
    closing = bench.stub.Close.future(stuck, metadata=bench.user)
    eventually(lambda: not bench.host.registry.sessions(), within=30)
    bench.open(STUCK)
    closing.cancel()


def _fail_to_open(error: type[errors.SessionSharingError], bench: LifecycleBench) -> None:
    bench.hold()
    bench.open(error.__name__)


for _error, _when in (
    (errors.NotAResourceError, "the name belongs to something that is not a resource of the kind"),
    (errors.ResourceInUseError, "a program outside this server uses the resource"),
    (errors.ResourceNotFoundError, "the resource, or the place for it, does not exist"),
    (errors.NotPermittedError, "the server's user may not open the resource"),
    (errors.StorageFullError, "the disk is full"),
    (errors.ResourceLostError, "the resource broke while it was opened"),
    (errors.ResourceFailedError, "the resource's own code raised another error"),
):
    _open(_error, _when)(partial(_fail_to_open, _error))


@_detach(errors.SessionExpiredError, "the attachment has ended or is unknown")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    attachment = bench.open("r").attachment
    bench.detach(attachment)
    bench.detach(attachment)


@_detach(errors.SessionExpiredError, "it belongs to another identity")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.detach(bench.open("r").attachment, bench.other)


@_detach(errors.ResourceBusyError, "the session closes, and its release hook does not return")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.detach(bench.open(STUCK).attachment)


@_detach(errors.ResourceBusyError, "the session stays open, and end_attachment does not return")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.detach(bench.open(STUCK, behavior=pb.BEHAVIOR_INITIALIZE_SESSION_THEN_DETACH).attachment)


@_detach(errors.ResourceFailedError, "the session stays open, and end_attachment fails")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    behavior = pb.BEHAVIOR_INITIALIZE_SESSION_THEN_DETACH
    bench.detach(bench.open(FAILING, behavior=behavior).attachment)


@_detach(errors.ResourceFailedError, "the session closes, and its release hook fails")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.detach(bench.open(FAILING).attachment)


@_close(errors.ResourceFailedError, "the session's release hook fails; the session is closed")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.close(attachment=bench.open(FAILING).attachment)


@_close(
    errors.SessionExpiredError,
    "the attachment has ended, is unknown, or belongs to another identity",
)
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.close(bench.other, attachment=bench.open("r").attachment)


@_close(errors.SessionNotFoundError, "no open session has this name")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    opened = bench.open("r")
    bench.close(attachment=opened.attachment)
    bench.close(session_name=opened.session_name)


@_close(errors.NotPermittedError, "the session belongs to another identity")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.close(bench.other, session_name=bench.open("r").session_name)


@_close(errors.ResourceBusyError, "the session's release hook does not return")
def _(bench: LifecycleBench) -> None:
    bench.hold()
    bench.close(attachment=bench.open(STUCK).attachment)
