"""Keep the registry: each resource has at most one open session, however many callers ask at once.

This is one state machine, in the order of a session's life: look-ups, open (locate, decide, create,
attach), end, close, fail, release, orphans, drain.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import partial

from session_sharing.core.admission import (
    Limits,
    Shares,
    check_attach,
    check_may_close,
    check_may_create,
    check_may_wait,
    check_request,
    client_expired,
    describe_holder,
    ended_attachment,
    is_in_use,
    may_close,
    no_session_for,
    server_is_draining,
    unknown_session,
    waited_too_long,
    why_attachment_ended,
    why_closed,
)
from session_sharing.core.behaviors import RULES, EndAction
from session_sharing.core.errors import ResourceNotFoundError, SessionSharingError, as_domain_error
from session_sharing.core.events import EventLog, EventType, SessionEvent
from session_sharing.core.leases import Clock, Leases
from session_sharing.core.releases import Release, Releases, still_releasing
from session_sharing.core.resources import Candidate, ResourceKind, with_parameters
from session_sharing.core.sessions import (
    Attachment,
    Client,
    FailedSession,
    Opened,
    OpenRequest,
    Session,
)
from session_sharing.core.slots import SlotTable, Transition
from session_sharing.core.uses import Uses
from session_sharing.core.waiting import Line, PendingOpen

_log = logging.getLogger(__name__)
_Step = Callable[[], object]
"""The last part of a decision, which is done outside the lock."""
_LONGEST_FACT = 1000
"""Characters of a name in the event of a refusal; refused names can have any length."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Times and limits of a registry."""

    orphan_timeout: float = 12 * 3600.0
    """Seconds after which a session without attachments is closed; 0 for never. Set it shorter when
    other programs need the resource soon, and 0 when sessions must stay without any client."""
    call_ttl: float = 60.0
    """Seconds for which one call shows that a client without a presence stream is alive. Set it
    longer when such clients call less often."""
    release_timeout: float = 10.0
    """Seconds that a release hook may take before its resource counts as stuck. Set it longer when
    a resource needs more time to close."""
    limits: Limits = field(default_factory=Limits)
    """Limits of what the server holds. Set it when the machine can hold less, or must hold more."""


class SessionRegistry:
    """Opens, shares and closes sessions. Thread-safe; no method waits for a resource.

    Opening and releasing run on the executor, outside the lock. A resource that is being opened or
    released delays only the requests for it: they wait in its slot, and are decided again later.
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
        self.lock = threading.RLock()
        """Guards every change of the registry's state."""
        self.events = EventLog()
        self.leases = Leases(clock)
        self.epoch = secrets.token_hex(8)
        """Changes with every start of the server."""
        self.draining = False
        """Whether new sessions and attachments are refused; requests that have begun go on."""
        self._executor = executor
        self._clock = clock
        limits = self.options.limits
        self._slots = SlotTable(Shares("sessions", limits.max_sessions, fair=limits.fair))
        self.uses = Uses(self.lock, self._slots, executor, self.epoch)
        """The calls that use attachments."""
        self._releases = Releases(
            executor, self.leases, self.options.release_timeout, self._on_free, self._on_late
        )
        self._generation = 0
        self._all_free: Future[bool] | None = None
        """The answer of `close_all`; while it exists, a resource that opens is released at once."""

    def __len__(self) -> int:
        """Count the sessions that are open, being opened or being released."""
        return len(self._slots)

    def attachment(self, attachment_id: str, principal: str = "") -> Attachment:
        """Return a live attachment by its id: it checks identity, lease and generation together.

        Raises:
            SessionExpiredError: The id is unknown, the attachment has ended, or it belongs to
                another identity.
        """
        attachment = self._slots.attachment(attachment_id)
        if attachment is None or attachment.client.principal != principal:
            foreign = attachment is not None
            why = "" if foreign else self._slots.why_ended(attachment_id)
            raise ended_attachment(why, self.epoch)
        attachment.client.note_call()
        return attachment

    def session(self, name: str) -> Session:
        """Return an open session by name.

        Raises:
            SessionNotFoundError: There is none.
        """
        session = self._slots.named(name)
        if session is None:
            raise unknown_session(name)
        return session

    def sessions(self, prefix: str = "") -> list[Session]:
        """Return a snapshot of the open sessions whose names begin with `prefix`."""
        with self.lock:
            return [
                replace(session, attachments=dict(session.attachments))
                for session in self._slots.sessions()
                if session.name.startswith(prefix)
            ]

    def failed_sessions(self) -> list[FailedSession]:
        """Return the sessions whose release hook failed, the oldest first.

        A session leaves the list when a later session of its resource is released without an error.
        """
        with self.lock:
            return self._slots.failed()

    def touch(self, session: Session) -> None:
        """Note a call on a session by a caller without an attachment."""
        session.last_call = self._clock()

    def move(self, session: Session, key: Hashable) -> bool:
        """Note that a session's resource gets a new identity, as a rotated log file does.

        The old identity still finds the session until the next move. So a request that located the
        resource just before finds it, too. Call this method before the resource changes.

        Args:
            session: The session.
            key: The identity that `Candidate.key` will have from now on.

        Returns:
            False when the session is not open any more; then the resource must not change.
        """
        with self.lock:
            if session.open:
                self._slots.move(session, (session.request.kind, key))
            return session.open

    def open(self, request: OpenRequest, client: Client | None = None) -> Future[Opened]:
        """Create a session or attach to the open one, as the request's behavior says.

        Args:
            request: What to open, and how.
            client: The client that gets the attachment; without one, later calls name the session.

        Returns:
            The outcome. It fails with a `SessionSharingError`; if the resource's own code raised
            another error, with a `ResourceFailedError`. Cancelling it withdraws the request, unless
            the registry is carrying it out already.
        """
        result: Future[Opened] = Future()
        try:
            kind = check_request(request, self.kinds, self.options.limits)
            self._refuse_when_draining()
            if request.resource:
                self._executor.submit(self._locate, kind, request, client, result)
            else:
                with self.lock:
                    session = self._slots.named(request.session_name)
                    if session is None:
                        raise no_session_for(request)
                    result.set_result(self._attach(session, request, client))
        except SessionSharingError as error:
            self._publish_refusal(request, error)
            result.set_exception(error)
        return result

    def _refuse_when_draining(self) -> None:
        if self.draining:
            raise server_is_draining()

    def _locate(
        self,
        kind: ResourceKind,
        request: OpenRequest,
        client: Client | None,
        result: Future[Opened],
    ) -> None:
        try:
            candidate = _candidate(kind, request)
        except BaseException as error:
            answer = _explain(error, request)
            self._publish_refusal(request, answer)
            if result.set_running_or_notify_cancel():
                result.set_exception(answer)
        else:
            self._decide(PendingOpen(request, client, candidate, result))

    def _decide(self, pending: PendingOpen) -> None:
        """Create, attach, wait, reclaim or refuse, as the state of the resource says."""
        _take(self._steps([pending]))

    def _steps(self, waiting: Iterable[PendingOpen]) -> list[_Step]:
        """Decide requests in their order; return the steps to take outside the lock.

        No other request comes between them, because the lock is held until all are decided.
        """
        with self.lock:
            return [self._step(pending) for pending in waiting]

    def _step(self, pending: PendingOpen) -> _Step:
        try:
            return self._next_step(pending)
        except BaseException as error:
            answer = _explain(error, pending.request)
            self._publish_refusal(pending.request, answer)
            return partial(pending.fail, answer)

    def _next_step(self, pending: PendingOpen) -> _Step:
        """Decide a request; return the next step, to take outside the lock."""
        request = pending.request
        if pending.result.cancelled():
            return pending.discard
        slot = self._slots.at(pending.key)
        if isinstance(slot, Transition):
            if slot.stuck:
                raise still_releasing(request.resource)
            return self._wait(pending, slot.waiting)
        if slot is not None and request.reclaim and self._is_reclaimable(slot, request):
            pending.reclaimed = describe_holder(slot)
            self._close_for(pending, slot, "reclaimed, because no client was attached")
            return _nothing
        if slot is None:
            check_may_create(request)
            if (orphan := self._orphan_in_the_way(pending)) is not None:
                pending.made_room = True
                why = "no client was attached, and another session needed its place"
                self._close_for(pending, orphan, why)
                return _nothing
        elif request.wait and is_in_use(slot, request):
            self._refuse_when_draining()
            check_may_wait(slot, self.options.limits)
            return self._wait(pending, slot.waiting)
        if not pending.claim():
            return pending.discard
        if slot is None:
            return partial(self._create, pending, self._begin_opening(pending))
        return partial(pending.succeed, self._attach(slot, request, pending.client))

    def _wait(self, pending: PendingOpen, line: Line) -> _Step:
        """Let a request wait in a line, or withdraw it when it is cancelled."""
        line.add(pending)
        if pending.has_waited:
            return _nothing
        pending.has_waited = True
        if pending.request.wait:
            give_up = partial(self._give_up, pending)
            pending.patience = self.leases.grant(pending.request.wait, give_up)
        # Outside the lock: a request that was cancelled meanwhile is withdrawn at once.
        return partial(pending.result.add_done_callback, partial(self._stop_waiting, pending))

    def _stop_waiting(self, pending: PendingOpen, answer: Future[Opened]) -> None:
        """Forget a request that was answered, or withdraw one that its caller has cancelled."""
        if pending.patience is not None:
            pending.patience.end()
        with self.lock:
            line = pending.line if answer.cancelled() else None
            if line is not None:
                line.remove(pending)
        if line is not None:
            pending.discard()

    def _give_up(self, pending: PendingOpen) -> None:
        """Refuse a request that has waited for as long as it wanted."""
        with self.lock:
            if pending.line is None:
                return  # it is being answered
            ahead = pending.line.remove(pending)
            slot = self._slots.at(pending.key)
            holder = slot if isinstance(slot, Session) else None
            error = waited_too_long(pending.request, holder, ahead)
            self._publish_refusal(pending.request, error)
        pending.fail(error)

    def _close_for(self, pending: PendingOpen, session: Session, why: str) -> None:
        """Close a session that no client uses; then this request is decided before others."""
        self._publish(EventType.RECLAIMED, session, reason=f"for {pending.request.label}")
        self._release(session, why, first=pending)

    def _is_reclaimable(self, session: Session, request: OpenRequest) -> bool:
        in_the_way = not RULES[request.behavior].may_attach
        unused = self._is_quiet(session) and not session.attachments
        return in_the_way and unused and may_close(session, request.principal)

    def _orphan_in_the_way(self, pending: PendingOpen) -> Session | None:
        """Return an unused session to close, if the request needs its place."""
        if self._has_room(pending):
            return None
        orphans = self._slots.orphans_that_yield_to(pending.request.principal)
        return next(filter(self._is_quiet, orphans), None)

    def _is_quiet(self, session: Session) -> bool:
        """Return whether no caller without an attachment has used a session recently."""
        return self._clock() - session.last_call >= self.options.call_ttl

    def _has_room(self, pending: PendingOpen) -> bool:
        """Return whether one more session may be opened; a request closes one other at most."""
        shares = self._slots.shares
        return shares.has_room(pending.request.principal) or (pending.made_room and shares.free > 0)

    def _begin_opening(self, pending: PendingOpen) -> Transition:
        request, slots = pending.request, self._slots
        if not self._has_room(pending):
            slots.shares.check_room(request.principal)
        self._refuse_when_draining()
        name = request.session_name or secrets.token_hex(16)
        return slots.begin(name, pending.key, request.principal)

    def _create(self, pending: PendingOpen, transition: Transition) -> None:
        try:
            resource = pending.candidate.open()
        except BaseException as error:
            self._fail_to_create(pending, transition, _explain(error, pending.request))
            return
        try:
            with self.lock:
                self._generation += 1
                session = Session(
                    transition.name, pending.key, self._generation, resource, pending.request
                )
                self._slots.settle(session, transition)
                self._publish(EventType.OPENED, session)
                if self._all_free is not None:
                    raise server_is_draining()
                opened = self._attach(session, pending.request, pending.client, created=True)
                followers = self._steps(session.waiting.take())
        except SessionSharingError as error:
            self._release(session, str(error))
            pending.result.set_exception(error)
        else:
            pending.result.set_result(replace(opened, reclaimed=pending.reclaimed))
            _take(followers)

    def _fail_to_create(
        self, pending: PendingOpen, transition: Transition, error: SessionSharingError
    ) -> None:
        self._publish_refusal(pending.request, error)
        waiting = self._leave(transition, pending.key)
        pending.result.set_exception(error)
        for follower in waiting:
            may_create = RULES[follower.request.behavior].may_create
            follower.fail(error if may_create else no_session_for(follower.request))

    def _attach(
        self, session: Session, request: OpenRequest, client: Client | None, created: bool = False
    ) -> Opened:
        if not created:
            check_attach(session, request, self.options.limits)
        if client is None:
            session.last_call = self._clock()
            self._watch_for_orphan(session)
            return Opened(session, created, None)
        if client.ended:
            raise client_expired()
        attachment = Attachment(
            secrets.token_urlsafe(18), session, client, request.behavior, created, request.label
        )
        self._slots.attach(attachment)
        if not created:
            self._publish(EventType.ATTACHED, session, attachment)
        return Opened(session, created, attachment)

    def end(self, attachment: Attachment, reason: str = "") -> Future[bool]:
        """End an attachment; its behavior says whether the session closes.

        Args:
            attachment: The attachment. If it has ended already, nothing happens.
            reason: Why the server ends it; empty when the client left by itself.

        Returns:
            Whether the session is closed, when that is done. It fails with a `SessionSharingError`
            when the session is closed and its release hook failed.
        """
        session = attachment.session
        with self.lock:
            done = self._end(attachment, reason)
            followers = self._steps(session.waiting.take()) if session.open else []
        _take(followers)
        return done

    def _end(self, attachment: Attachment, reason: str) -> Future[bool]:
        session = attachment.session
        if self._slots.attachment(attachment.id) is not attachment:
            return _done(False)
        self._slots.drop(attachment, why_attachment_ended(reason))
        ended = EventType.EXPIRED if reason else EventType.DETACHED
        self._publish(ended, session, attachment, reason)
        closes = attachment.end_action is EndAction.CLOSE
        if closes and not session.waits_for_last:
            return self._release(session, reason, why=why_closed(attachment, reason))
        session.closes_with_last |= closes
        if not session.attachments and session.closes_with_last:
            return self._release(session, reason)
        self._watch_for_orphan(session)
        return self._end_part(attachment, reason)

    def _end_part(self, attachment: Attachment, reason: str) -> Future[bool]:
        """Release what an ended attachment held, because its session stays open."""
        session = attachment.session
        if not session.has_parts:
            return _done(False)

        def note_failure(done: Future[bool]) -> None:
            error = done.exception()
            if error is not None:
                _log.error("%s", error, exc_info=error.__cause__)
                self._publish(EventType.FAILED, session, attachment, str(error))

        ended = self._releases.end_part(attachment, reason)
        ended.add_done_callback(note_failure)
        return ended

    def close(
        self,
        session: Session,
        principal: str = "",
        attachment: Attachment | None = None,
        *,
        by_administrator: bool = False,
    ) -> Future[bool]:
        """Close a session for a caller, as its close policy says.

        Args:
            session: The session.
            principal: Identity of the caller.
            attachment: The caller's own attachment; it ends, too.
            by_administrator: The caller may close every session.

        Returns:
            Whether the session is closed, when that is done; False when it waits for its last
            attachment. It fails as the result of `end` does.

        Raises:
            NotPermittedError: The session belongs to another identity.
        """
        check_may_close(session, principal, by_administrator=by_administrator)
        with self.lock:
            if not session.open:
                return _done(True)
            own = self._slots.attachment(attachment.id) if attachment is not None else None
            if own is not None:
                self._slots.drop(own, "This client has closed the session.")
                self._publish(EventType.DETACHED, session, own)
            if session.waits_for_last:
                session.closing = session.closes_with_last = True
                return _done(False) if own is None else self._end_part(own, "")
            return self._release(session, why=why_closed(attachment, ""))

    def fail(self, session: Session, reason: str) -> Future[bool]:
        """Close a session whose resource broke, at once for all attachments."""
        with self.lock:
            if not session.open:
                return _done(True)
            self._publish(EventType.FAILED, session, reason=reason)
            return self._release(session, reason, why=f"The session has failed: {reason}.")

    def _release(
        self,
        session: Session,
        abandoned: str = "",
        first: PendingOpen | None = None,
        why: str = "",
    ) -> Future[bool]:
        """End all attachments of a session and release its resource on the executor.

        Args:
            session: An open session.
            abandoned: Why no client closed it; empty when a client did.
            first: The request to decide first when the resource is free.
            why: A sentence for the clients that are still attached.
        """
        with self.lock:
            ended = why or f"The session was closed: {abandoned}."
            transition = self._slots.vacate(session, first, ended)
        return self._releases.start(session, transition, abandoned)

    def _on_free(self, release: Release) -> None:
        """Free the resource, because its release hook has returned; answer waiting requests."""
        session, transition = release.session, release.transition
        failure = release.failure
        with self.lock:
            self._slots.note_release(session, str(failure or ""))
            if failure is not None:
                self._publish(EventType.FAILED, session, reason=str(failure))
            waiting = self._leave(transition, session.key)
            self._publish(EventType.CLOSED, session, reason=release.abandoned)
            followers = self._steps(waiting)
        if failure is not None:
            _log.error("%s", failure, exc_info=release.error)
        if not transition.stuck:
            release.finish(failure)
        _take(followers)

    def _on_late(self, release: Release) -> None:
        """Refuse the waiting requests, because the release hook has not returned in time."""
        session, transition = release.session, release.transition
        with self.lock:
            if self._slots.at(session.key) is not transition:
                return
            transition.stuck = True
            waiting = transition.waiting.take()
            self._publish(EventType.FAILED, session, reason="its release hook does not return")
        release.done.set_exception(release.busy)
        for pending in waiting:
            pending.fail(release.busy)

    def _leave(self, transition: Transition, key: Hashable) -> list[PendingOpen]:
        """Free a resource and return the requests that waited for it; the caller answers them."""
        with self.lock:
            self._slots.leave(transition, key)
            self._finish_when_all_is_free()
            return transition.waiting.take()

    def _watch_for_orphan(self, session: Session, seconds: float | None = None) -> None:
        """Close a session unless a client attaches to it, or calls it, in time."""
        if session.attachments:
            return
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        self._slots.note_orphan(session)
        timeout = self.options.orphan_timeout if seconds is None else seconds
        if timeout > 0:
            session.orphan_lease = self.leases.grant(timeout, partial(self._orphaned, session))

    def _orphaned(self, session: Session) -> None:
        timeout = self.options.orphan_timeout
        with self.lock:
            if not session.open or session.attachments:
                return
            if session.orphan_lease is not None and session.orphan_lease.live:
                return  # a client attached and left meanwhile, which began a new lease
            left = session.last_call + timeout - self._clock()
            if left > 0:
                self._watch_for_orphan(session, left)
            else:
                self._release(session, f"no client was attached for {timeout:g} s")

    def drain(self) -> None:
        """Refuse every new session and attachment from now on, and all that wait for one."""
        with self.lock:
            self.draining = True
            waiting = [pending for one in self._slots.sessions() for pending in one.waiting.take()]
            followers = self._steps(waiting)
        _take(followers)

    def close_all(self) -> Future[bool]:
        """Close every session, whatever its policy, and open none from now on.

        Returns:
            True when every resource is free, also those that were being opened or released. If a
            release hook does not return, there is no result.
        """
        with self.lock:
            self.draining = True
            if self._all_free is None:
                self._all_free = Future()
                self._all_free.set_running_or_notify_cancel()
                for session in list(self._slots.sessions()):
                    stopping = "The session was closed, because the server is stopping."
                    self._release(session, why=stopping)
                self._finish_when_all_is_free()
            return self._all_free

    def _finish_when_all_is_free(self) -> None:
        if self._all_free is not None and not len(self._slots) and not self._all_free.done():
            self._all_free.set_result(True)

    def _publish(
        self,
        event: EventType,
        session: Session,
        attachment: Attachment | None = None,
        reason: str = "",
    ) -> None:
        """Publish an event of a session, or of one attachment to it."""
        client = attachment.client if attachment else None
        self.events.publish(
            SessionEvent(
                event,
                session_name=session.name,
                kind=session.request.kind,
                resource=session.request.resource,
                generation=session.generation,
                client_id=client.id if client else "",
                label=attachment.label if attachment else session.request.label,
                reason=reason,
                principal=client.principal if client else session.request.principal,
            )
        )

    def _publish_refusal(self, request: OpenRequest, error: SessionSharingError) -> None:
        """Publish that a request was refused."""
        error.is_published = True
        self.events.publish(
            SessionEvent(
                EventType.REFUSED,
                session_name=request.session_name[:_LONGEST_FACT],
                kind=request.kind[:_LONGEST_FACT],
                resource=request.resource[:_LONGEST_FACT],
                label=request.label[:_LONGEST_FACT],
                reason=str(error)[:_LONGEST_FACT],
                principal=request.principal,
            )
        )


def _candidate(kind: ResourceKind, request: OpenRequest) -> Candidate:
    """Locate the resource of a request. If it is missing, a request to attach finds no session."""
    may_create = RULES[request.behavior].may_create
    kind = with_parameters(kind, request.parameters)
    try:
        return kind.locate(request.resource, create=may_create)
    except ResourceNotFoundError:
        if may_create:
            raise
        raise no_session_for(request) from None


def _explain(error: BaseException, request: OpenRequest) -> SessionSharingError:
    """Return the error for a resource that cannot be opened; log an error of its own code."""
    explained = as_domain_error(error, f"{request.resource!r} cannot be opened")
    if explained is not error:
        _log.error("%s", explained, exc_info=error)
        explained.__cause__ = error
    return explained


def _take(steps: Iterable[_Step]) -> None:
    """Take the steps that were decided under the lock."""
    for step in steps:
        step()


def _nothing() -> None:
    """Do nothing: the request is decided again later."""


def _done(closed: bool) -> Future[bool]:
    done: Future[bool] = Future()
    done.set_result(closed)
    return done
