"""Make raw calls to a host whose resources fail as their names say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import grpc
from every_call import CALL_LIMITS
from hosting import Lock, hosted
from session_sharing.core import errors
from session_sharing.server import (
    Candidate,
    HostOptions,
    Limits,
    RegistryOptions,
    ResourceKind,
    SessionHost,
)
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

SECRET = b"0123456789abcdef"
STUCK = "stuck"
"""The resource whose release hook does not return."""
FAILING = "failing"
"""The resource whose release hook fails."""
Metadata = tuple[tuple[str, str], ...]


def moody(free: threading.Event) -> ResourceKind:
    """Make a kind that fails to open with the error in the name, and hangs until `free`."""

    class Moody(Lock):
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

        def end_attachment(self, attachment: str, reason: str) -> None:
            self.close()

        def close(self) -> None:
            if self.name == STUCK:
                free.wait()
            if self.name == FAILING:
                raise OSError("as asked for")

    return Moody


class LifecycleBench:
    """A host with small limits, and calls to it as its user or as the holder of a key."""

    def __init__(self, host: SessionHost, stack: ExitStack) -> None:
        self.host = host
        target = host.targets[0].removeprefix("ipv4:")
        self.channel = stack.enter_context(grpc.insecure_channel(target))
        self.stub = lifecycle_pb2_grpc.SessionLifecycleStub(self.channel)
        self.user: Metadata = (("authorization", f"Bearer {host.authenticator.token}"),)
        self.other: Metadata = (("authorization", "ApiKey id:key"),)
        self._stack = stack

    def hold(self, secret: bytes = SECRET, metadata: Metadata = ()) -> None:
        """Hold a presence stream until the end of the test."""
        request = pb.HoldRequest(client_secret=secret)
        stream = self.stub.Hold(request, metadata=metadata or self.user)
        self._stack.callback(stream.cancel)
        next(stream)

    def open(self, resource: str, metadata: Metadata = (), **fields: object) -> pb.OpenResponse:
        """Open a session, or attach to it; the caller is present already, or says how it is."""
        request = pb.OpenRequest(
            **{"client_secret": SECRET, "kind": "moody", "resource": resource, **fields}  # type: ignore[arg-type]
        )
        return self.stub.Open(request, metadata=metadata or self.user)

    def detach(self, attachment: str, metadata: Metadata = ()) -> None:
        request = pb.DetachRequest(attachment=attachment)
        self.stub.Detach(request, metadata=metadata or self.user)

    def close(self, metadata: Metadata = (), **which: str) -> None:
        self.stub.Close(pb.CloseRequest(**which), metadata=metadata or self.user)


@contextmanager
def lifecycle_bench() -> Iterator[LifecycleBench]:
    """Run a host and yield the calls to it."""
    registry = RegistryOptions(
        release_timeout=0.2, limits=Limits(max_sessions=4, max_attachments=2, max_clients=3)
    )
    options = HostOptions(
        api_keys={"id": "key"},
        registry=registry,
        grace=0.5,
        calls=CALL_LIMITS,
    )
    free = threading.Event()
    with hosted(options, {"moody": moody(free), "lock": Lock}) as host, ExitStack() as stack:
        stack.callback(free.set)
        yield LifecycleBench(host, stack)
