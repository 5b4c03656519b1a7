"""The registry: at most one open session for each resource, however many race for it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import partial

from session_sharing.core.admission import (
    Limits,
    check_attach,
    check_new_session,
    check_request,
    describe_holder,
    no_session_for,
)
from session_sharing.core.behaviors import RULES, ClosePolicy, EndAction
from session_sharing.core.errors import (
    NotPermittedError,
    ResourceBusyError,
    ResourceNotFoundError,
    ServerDrainingError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionSharingError,
)
from session_sharing.core.events import EventLog, EventType
from session_sharing.core.leases import Clock, Leases
from session_sharing.core.releases import Release, Releases
from session_sharing.core.resources import Resource, ResourceKind
from session_sharing.core.sessions import (
    Attachment,
    Client,
    Opened,
    OpenRequest,
    PendingOpen,
    Session,
    Transition,
    refusal,
    session_event,
)
from session_sharing.core.slots import SlotTable

Step = Callable[[], None]
"""What follows a decision and must run without the lock."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Times and limits of a registry."""

    orphan_timeout: float = 12 * 3600.0
    """Seconds after which a session without attachments is closed; 0 for never."""
    call_ttl: float = 60.0
    """Seconds for which a call without an attachment counts as somebody being there."""
    release_timeout: float = 10.0
    """Seconds that a release hook may take before its resource counts as stuck."""
    limits: Limits = field(default_factory=Limits)


class SessionRegistry:
    """Opens, shares and closes sessions. Thread-safe; no method waits for a resource.

    Opening and releasing run on the executor, outside the lock, and a resource that is being opened
    or released delays only requests for itself: they wait in its slot and are decided again.
    """

    def __init__(
        self,
        kinds: Mapping[str, ResourceKind],
        executor: Executor,
        *,
        clock: Clock = time.monotonic,
        options: RegistryOptions | None = None,
    ) -> None:
        self.kinds = dict(kinds)
        self.options = options or RegistryOptions()
        self.events = EventLog()
        self.leases = Leases(clock)
        self.lock = threading.RLock()
        self.draining = False
        self.epoch = secrets.token_hex(8)
        """Changes with every start of the server."""
        self._executor = executor
        self._clock = clock
        self._slots = SlotTable()
        self._generation = 0
        self._releases = Releases(
            executor, self.leases, self.options.release_timeout, self._on_free, self._on_late
        )

    def open(self, request: OpenRequest, client: Client | None = None) -> Future[Opened]:
        """Create a session or attach to the open one, as the request's behavior says.

        Args:
            request: What to open, and how.
            client: Who gets the attachment; without one, later calls name the session.

        Returns:
            The outcome; it fails with a `SessionSharingError` or with what the resource raised.
        """
        result: Future[Opened] = Future()
        result.set_running_or_notify_cancel()
        try:
            kind = check_request(request, self.kinds, self.options.limits)
            self._refuse_when_draining()
            if request.resource:
                self._executor.submit(self._locate, kind, request, client, result)
            else:
                with self.lock:
                    session = self.session(request.session_name)
                    opened = self._attach(session, request, client)
                result.set_result(opened)
        except SessionSharingError as error:
            self._refuse(request, error)
            result.set_exception(error)
        return result

    def attachment(self, attachment_id: str, principal: str = "") -> Attachment:
        """Find a live attachment by its id; this is identity, lease check and fence in one.

        Raises:
            SessionExpiredError: The id is unknown, over or somebody else's.
        """
        attachment = self._slots.attachment(attachment_id)
        if attachment is None or attachment.client.principal != principal:
            raise SessionExpiredError(
                "The session was closed, or its client was away too long.", epoch=self.epoch
            )
        if attachment.client.present_by_calls and attachment.client.lease is not None:
            attachment.client.lease.renew(attachment.client.window)
        return attachment

    def session(self, name: str) -> Session:
        """Find an open session by name.

        Raises:
            SessionNotFoundError: There is none.
        """
        session = self._slots.named(name)
        if session is None:
            raise SessionNotFoundError(f"There is no open session {name!r}.", session_name=name)
        return session

    def touch(self, session: Session) -> None:
        """Note a call on a session by somebody without an attachment."""
        session.last_call = self._clock()

    def sessions(self, prefix: str = "") -> list[Session]:
        """Take a snapshot of the open sessions whose names begin with `prefix`."""
        with self.lock:
            return [
                replace(session, attachments=dict(session.attachments))
                for session in self._slots.sessions()
                if session.name.startswith(prefix)
            ]

    def end(self, attachment: Attachment, reason: str = "") -> Future[bool]:
        """End an attachment; its behavior says what becomes of the session.

        Args:
            attachment: The attachment; one that is over already is left alone.
            reason: Why its holder is gone, when it did not leave by itself.

        Returns:
            Whether the session is closed, once that is done.
        """
        with self.lock:
            if self._slots.attachment(attachment.id) is not attachment:
                return _done(False)
            event = EventType.EXPIRED if reason else EventType.DETACHED
            self._slots.drop(attachment)
            self._publish(event, attachment.session, attachment, reason)
            if attachment.end_action is EndAction.CLOSE:
                return self._close(attachment.session, reason)
            return self._after_leaving(attachment.session, reason)

    def close(
        self, session: Session, principal: str = "", attachment: Attachment | None = None
    ) -> Future[bool]:
        """Close a session on somebody's word, as its close policy says.

        Args:
            session: The session.
            principal: Identity of the caller.
            attachment: The caller's own attachment, which ends with this.

        Returns:
            Whether the session is closed, once that is done; False when it waits for its last
            attachment.

        Raises:
            NotPermittedError: The session belongs to another identity.
        """
        if principal != session.request.principal and not session.request.anyone_may_close:
            raise NotPermittedError(f"Session {session.name!r} belongs to another identity.")
        with self.lock:
            if not session.open:
                return _done(True)
            if attachment is not None and self._slots.attachment(attachment.id):
                self._slots.drop(attachment)
                self._publish(EventType.DETACHED, session, attachment)
            return self._close(session, "")

    def fail(self, session: Session, reason: str) -> Future[bool]:
        """Close a session whose resource broke, for everybody and at once."""
        with self.lock:
            if not session.open:
                return _done(True)
            self._publish(EventType.FAILED, session, reason=reason)
            return self._release(session, reason)

    def drain(self) -> None:
        """Refuse every new session and attachment from now on."""
        self.draining = True

    def close_all(self) -> list[Future[bool]]:
        """Close every open session, whatever its policy."""
        with self.lock:
            return [self._release(session) for session in list(self._slots.sessions())]

    def _locate(
        self,
        kind: ResourceKind,
        request: OpenRequest,
        client: Client | None,
        result: Future[Opened],
    ) -> None:
        may_create = RULES[request.behavior].may_create
        try:
            candidate = kind.locate(request.resource, create=may_create)
        except BaseException as error:
            missing = isinstance(error, ResourceNotFoundError) and not may_create
            answer = no_session_for(request) if missing else error
            self._refuse(request, answer)
            result.set_exception(answer)
        else:
            self._decide(PendingOpen(request, client, candidate, result))

    def _decide(self, pending: PendingOpen) -> None:
        """Create, attach, wait, reclaim or refuse: the one place where a request meets state."""
        try:
            with self.lock:
                step = self._next_step(pending)
        except SessionSharingError as error:
            self._refuse(pending.request, error)
            pending.fail(error)
        else:
            step()

    def _next_step(self, pending: PendingOpen) -> Step:
        request, key = pending.request, pending.candidate.key
        slot = self._slots.at(key)
        if slot is None:
            return partial(self._create, pending, self._begin_opening(pending))
        if isinstance(slot, Transition):
            if slot.stuck:
                raise ResourceBusyError(f"{request.resource!r} is still being released.")
            slot.waiting.append(pending)
            return _nothing
        if request.reclaim and self._is_reclaimable(slot, request):
            pending.reclaimed = describe_holder(slot)
            self._publish(EventType.RECLAIMED, slot, reason=f"for {request.label}")
            self._release(slot, "reclaimed, as nobody was attached", first=pending)
            return _nothing
        return partial(pending.succeed, self._attach(slot, request, pending.client))

    def _begin_opening(self, pending: PendingOpen) -> Transition:
        request = pending.request
        check_new_session(request, len(self._slots), self.options.limits)
        self._refuse_when_draining()
        name = request.session_name or secrets.token_hex(16)
        return self._slots.begin(name, pending.candidate.key)

    def _refuse_when_draining(self) -> None:
        if self.draining:
            raise ServerDrainingError("The server is stopping and opens no more sessions.")

    def _create(self, pending: PendingOpen, transition: Transition) -> None:
        try:
            resource = pending.candidate.open()
        except BaseException as error:
            self._refuse(pending.request, error)
            with self.lock:
                self._slots.leave(transition, pending.candidate.key)
            pending.result.set_exception(error)
            for waiting in transition.waiting:
                may_create = RULES[waiting.request.behavior].may_create
                waiting.fail(error if may_create else no_session_for(waiting.request))
            return
        try:
            with self.lock:
                session = self._start_session(pending, transition, resource)
                opened = self._attach(session, pending.request, pending.client, created=True)
        except SessionSharingError as error:
            self._release(session, str(error))
            pending.result.set_exception(error)
        else:
            pending.result.set_result(replace(opened, reclaimed=pending.reclaimed))
        for waiting in transition.waiting:
            self._decide(waiting)

    def _start_session(
        self, pending: PendingOpen, transition: Transition, resource: Resource
    ) -> Session:
        self._generation += 1
        key = pending.candidate.key
        session = Session(transition.name, key, self._generation, resource, pending.request)
        self._slots.settle(session)
        self._publish(EventType.OPENED, session)
        return session

    def _attach(
        self, session: Session, request: OpenRequest, client: Client | None, created: bool = False
    ) -> Opened:
        if not created:
            check_attach(session, request, self.options.limits)
        if client is None:
            self.touch(session)
            self._watch_for_orphan(session)
            return Opened(session, created, None)
        if client.ended:
            raise SessionExpiredError("This client was away for too long.")
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        attachment = Attachment(
            secrets.token_urlsafe(18), session, client, request.behavior, created, request.label
        )
        self._slots.attach(attachment)
        if not created:
            self._publish(EventType.ATTACHED, session, attachment)
        return Opened(session, created, attachment)

    def _is_reclaimable(self, session: Session, request: OpenRequest) -> bool:
        in_the_way = not RULES[request.behavior].may_attach
        theirs = session.request.principal == request.principal or session.request.anyone_may_close
        quiet = self._clock() - session.last_call >= self.options.call_ttl
        return in_the_way and theirs and quiet and not session.attachments

    def _after_leaving(self, session: Session, reason: str) -> Future[bool]:
        if session.attachments:
            return _done(False)
        if session.closing:
            return self._release(session, reason)
        self._watch_for_orphan(session)
        return _done(False)

    def _watch_for_orphan(self, session: Session, seconds: float | None = None) -> None:
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        timeout = self.options.orphan_timeout if seconds is None else seconds
        if timeout > 0 and not session.attachments:
            session.orphan_lease = self.leases.grant(timeout, partial(self._orphaned, session))

    def _orphaned(self, session: Session) -> None:
        timeout = self.options.orphan_timeout
        with self.lock:
            if not session.open or session.attachments:
                return
            left = session.last_call + timeout - self._clock()
            if left > 0:
                self._watch_for_orphan(session, left)
            else:
                self._release(session, f"nobody was attached for {timeout:g} s")

    def _close(self, session: Session, reason: str) -> Future[bool]:
        waits = session.request.close_policy is ClosePolicy.WITH_LAST_ATTACHMENT
        if waits and session.attachments:
            session.closing = True
            return _done(False)
        return self._release(session, reason)

    def _release(
        self, session: Session, abandoned: str = "", first: PendingOpen | None = None
    ) -> Future[bool]:
        """Take a session away from everybody and release its resource on the executor.

        Args:
            session: An open session.
            abandoned: Why nobody closed it properly; empty when somebody did.
            first: A request to decide first once the resource is free.
        """
        with self.lock:
            if session.orphan_lease is not None:
                session.orphan_lease.end()
            transition = self._slots.vacate(session, first)
        return self._releases.start(session, transition, abandoned)

    def _on_free(self, release: Release) -> None:
        session, transition = release.session, release.transition
        with self.lock:
            if release.error is not None:
                self._publish(EventType.FAILED, session, reason=f"release hook: {release.error}")
            self._slots.leave(transition, session.key)
            self._publish(EventType.CLOSED, session, reason=release.abandoned)
        if not transition.stuck:
            release.done.set_result(True)
        for waiting in transition.waiting:
            self._decide(waiting)

    def _on_late(self, release: Release) -> None:
        session, transition = release.session, release.transition
        with self.lock:
            if self._slots.at(session.key) is not transition:
                return
            transition.stuck = True
            waiting, transition.waiting = transition.waiting, []
            self._publish(EventType.FAILED, session, reason="its release hook does not return")
        release.done.set_exception(release.busy)
        for pending in waiting:
            pending.fail(release.busy)

    def _publish(
        self,
        event: EventType,
        session: Session,
        attachment: Attachment | None = None,
        reason: str = "",
    ) -> None:
        self.events.publish(session_event(event, session, attachment, reason))

    def _refuse(self, request: OpenRequest, error: BaseException) -> None:
        self.events.publish(refusal(request, str(error)))


def _nothing() -> None:
    """The step after which nothing remains to be done."""


def _done(closed: bool) -> Future[bool]:
    done: Future[bool] = Future()
    done.set_result(closed)
    return done
