"""Open and use a session from a client, with every behavior and for every resource kind."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from session_sharing.client.arguments import check_argument
from session_sharing.client.background import uninterrupted
from session_sharing.client.backoff import Backoff
from session_sharing.client.connection import Connection
from session_sharing.client.errors import ServerRestartedError
from session_sharing.client.options import ConnectOptions
from session_sharing.client.ownership import Owner
from session_sharing.core.behaviors import ClosePolicy, InitializationBehavior
from session_sharing.core.errors import (
    NotPermittedError,
    SessionExpiredError,
    SessionSharingError,
)
from session_sharing.v1 import lifecycle_pb2 as pb

if TYPE_CHECKING:
    import grpc
    from typing_extensions import Self

_Response = TypeVar("_Response")


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to open a session and how to leave it; the defaults suit most programs."""

    behavior: InitializationBehavior = InitializationBehavior.AUTO
    """Whether to create or attach, and whether leaving closes the session. Set it when one program
    opens the session for others, or when a program must not create one."""
    session_name: str = ""
    """Name of the session; empty for a generated one, or to attach by resource. Set it when other
    programs are to find the session by a name that they know."""
    close_policy: ClosePolicy = ClosePolicy.FOR_EVERYONE
    """When a close takes effect; the client that creates the session decides it. Set
    `WITH_LAST_ATTACHMENT` when equal programs share one session and the last one is to close it."""
    reclaim: bool = False
    """Close a session without attachments first, if it prevents a new one. Set it when an earlier
    run may have left its session open."""
    anyone_may_close: bool = False
    """Other identities may close the session; the client that creates it decides this. Set it when
    a program with another API key or certificate must close the session."""
    wait: float = 0.0
    """Seconds to wait while other clients use the resource, behind those who came before; 0 to be
    refused at once. Set it for locks, and for other resources that one client at a time may use."""
    label: str = ""
    """Name of the opener for people; empty for the connection's label. Set it when one connection
    opens several sessions that people must distinguish."""


class SharedSession:
    """A session on a server. Its behavior says whether leaving the `with` block closes it.

    A subclass sets `kind` and adds the calls of its resource. Open it in a `with` block, and let it
    connect by itself::

        with LockSession("scope-1", ConnectOptions.from_state_file(path)) as lock:
            ...

    Pass a `Connection` instead when one program holds several sessions. Call `detach()` or
    `close()` when a `with` block does not fit.
    """

    kind: ClassVar[str]
    """Resource kind, as the server names it."""

    def __init__(
        self,
        resource: str,
        connection: Connection | ConnectOptions,
        options: SessionOptions | None = None,
        *,
        owns_connection: bool = False,
    ) -> None:
        """Open the session.

        Args:
            resource: Name of the resource; may be empty when attaching by session name.
            connection: Options, by which the session makes and later closes a connection; or a
                connection, which the caller closes.
            options: How to open the session and how to leave it.
            owns_connection: Close the given connection, too, when the session ends.

        Raises:
            SessionSharingError: The session cannot be opened, or the server cannot be reached.
        """
        check_argument("resource", resource, str)
        check_argument("connection", connection, Connection, ConnectOptions)
        check_argument("options", options, SessionOptions, type(None))
        self.resource = resource
        self.options = options or SessionOptions()
        self.owner = Owner(f"The session of {resource or self.options.session_name!r}")
        self._ending = threading.RLock()
        self._ended = False
        self._owns_connection = owns_connection or isinstance(connection, ConnectOptions)
        self.connection = (
            Connection(connection) if isinstance(connection, ConnectOptions) else connection
        )
        self._opened = pb.OpenResponse()
        try:
            uninterrupted(self._reopen, undo=self._detach_unseen)
        except BaseException:
            if self._opened.attachment and not self._owns_connection:
                uninterrupted(self._detach_unseen)
            self._leave_connection()
            raise

    @property
    def session_name(self) -> str:
        """Name of the session on the server."""
        return self._opened.session_name

    @property
    def new_session(self) -> bool:
        """Whether this object's opening created the session."""
        return self._opened.new_session

    @property
    def reclaimed(self) -> str:
        """The session that was closed for this one, for people; empty when there was none."""
        return self._opened.reclaimed

    @property
    def details(self) -> Mapping[str, str]:
        """Facts about the resource, as the server sent them when the session was opened."""
        return self._opened.details

    @property
    def attachment(self) -> str:
        """Opaque id that stands for session, generation and client in calls."""
        return self._opened.attachment

    @property
    def max_message_bytes(self) -> int:
        """Largest request, in bytes, that the server accepts; 0 when it does not say."""
        return self._opened.max_message_bytes

    @property
    def epoch(self) -> str:
        """Epoch of the server in which the session was opened."""
        return self._opened.epoch

    def detach(self) -> None:
        """End this attachment now, as leaving the `with` block does.

        Raises:
            ServerUnavailableError: The server cannot be reached within the connection's `grace`, or
                does not answer for a little longer. If it runs, it ends the attachment by itself.
            SessionSharingError: Another error that the server answered.
        """
        self.owner.check()
        uninterrupted(lambda: self._leave(self._detach))

    def close(self) -> None:
        """Close the session, whatever the behavior; the close policy says when it takes effect."""
        self.owner.check()
        uninterrupted(lambda: self._leave(self._close))

    def reset(self) -> None:
        """Open the session again, after it expired, was closed, or the server was restarted.

        Raises:
            ConnectionClosedError: This object has closed its own connection. Make a new object.
            SessionSharingError: The session cannot be opened, or the server cannot be reached.
        """
        self.owner.check()
        uninterrupted(self._reopen)

    def reopen_after(self, epoch: str) -> None:
        """Open the session again, unless another thread has done so since `epoch`.

        It is for subclasses that continue by themselves after a restart, in several threads.

        Args:
            epoch: Epoch of the server in which the session was lost.

        Raises:
            SessionSharingError: As `reset`.
        """
        with self._ending:
            if self._opened.epoch == epoch:
                self._reopen()

    def call(
        self,
        method: Callable[..., _Response],
        request: object,
        *,
        repeatable: bool = False,
    ) -> _Response:
        """Call a method of the resource's service.

        Args:
            method: The stub's method.
            request: The request message.
            repeatable: The server may carry the method out twice without harm. Then it is called
                again, within the connection's timeout, while the server cannot be reached. Set it
                for methods that read, or that set a value; not for methods that append or insert.

        Raises:
            ServerUnavailableError: The server cannot be reached, or was lost before it answered. It
                is not known whether the method was carried out.
            ServerRestartedError: The server was restarted after the session was opened.
            SessionExpiredError: The session was closed, or this client was lost for too long.
            SessionSharingError: Another error that the server answered.
        """
        try:
            return self.connection.call(method, request, repeatable=repeatable)
        except SessionExpiredError as error:
            explained = self.explain(error)
            if explained is error:
                raise
            raise explained from error

    def explain(self, error: SessionSharingError) -> SessionSharingError:
        """Return a `ServerRestartedError` if a restart of the server ended the session.

        It is for subclasses that make calls without `call`.

        Args:
            error: The error that the server answered. Other errors are returned as they are.
        """
        epoch = error.details.get("epoch", self._opened.epoch)
        if isinstance(error, SessionExpiredError) and epoch != self._opened.epoch:
            return ServerRestartedError(
                "The server was restarted, so the session has ended. Call reset() to open it again."
            )
        return error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.owner.leave(self.detach, error, lambda: f"Leaving {self.resource} failed")

    def _parameters(self) -> Mapping[str, str]:
        """Return how to open the resource. A subclass overrides it if its kind takes parameters."""
        return {}

    def _before_end(self) -> None:
        """Finish pending work before the attachment or the session ends.

        A subclass overrides this method. If it raises an error, the attachment ends nevertheless,
        and then the caller gets the error.
        """

    def _leave(self, end: Callable[[], None]) -> None:
        if self._ended:
            return
        try:
            self._before_end()
        finally:
            end()

    def _detach(self) -> None:
        self._end(self.connection.lifecycle.Detach, pb.DetachRequest(attachment=self.attachment))

    def _close(self) -> None:
        self._end(self.connection.lifecycle.Close, pb.CloseRequest(attachment=self.attachment))

    def _reopen(self) -> None:
        with self._ending:
            self._opened = self._open()
            self._ended = False

    def _detach_unseen(self, _: object = None) -> None:
        """End an attachment whose opener was interrupted and so cannot end it."""
        with contextlib.suppress(SessionSharingError):
            self._detach()

    def _open(self) -> pb.OpenResponse:
        request = self._open_request()
        backoff = Backoff()
        timeout = self.options.wait + self.connection.options.timeout
        deadline = time.monotonic() + timeout
        while True:
            self.connection.be_present()
            try:
                return self.connection.call(self.connection.lifecycle.Open, request, timeout)
            except SessionExpiredError:
                # The presence stream broke and is being opened again, as after a restart.
                pause = backoff.next_pause()
                if time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)

    def _open_request(self) -> pb.OpenRequest:
        wanted = self.options
        return pb.OpenRequest(
            client_secret=self.connection.secret,
            kind=self.kind,
            resource=self.resource,
            session_name=wanted.session_name,
            behavior=pb.Behavior.ValueType(wanted.behavior),
            close_policy=pb.ClosePolicy.ValueType(wanted.close_policy),
            reclaim=wanted.reclaim,
            wait_ms=round(wanted.wait * 1000),
            request_id=uuid.uuid4().hex,
            label=wanted.label or self.connection.label,
            without_presence=not self.connection.options.presence,
            anyone_may_close=wanted.anyone_may_close,
            parameters=self._parameters(),
        )

    def _end(self, method: grpc.UnaryUnaryMultiCallable[Any, Any], request: object) -> None:
        with self._ending:
            if self._ended:
                return
            try:
                self.connection.leave(method, request)
            except SessionExpiredError:
                pass  # it has ended already
            except NotPermittedError:
                raise  # nothing has ended
            except BaseException:
                self._ended = self._owns_connection  # the end of a connection ends attachments
                self._leave_connection()
                raise
            self._ended = True
            self._leave_connection()

    def _leave_connection(self) -> None:
        if self._owns_connection:
            self.connection.close()
