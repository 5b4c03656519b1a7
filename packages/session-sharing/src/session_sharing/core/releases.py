"""Run the hooks of resources in worker threads, outside every lock, each with a timeout."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from dataclasses import dataclass, field
from functools import partial

from session_sharing.core.errors import (
    ResourceBusyError,
    SessionSharingError,
    as_domain_error,
)
from session_sharing.core.leases import Lease, Leases
from session_sharing.core.sessions import Attachment, Session
from session_sharing.core.slots import Transition


@dataclass(slots=True, eq=False)
class Release:
    """The release of one session's resource."""

    session: Session
    transition: Transition
    abandoned: str
    """Why no client closed the session; empty when a client did."""
    done: Future[bool] = field(default_factory=Future)
    """True when the resource is free. It fails when the hook fails or takes too long."""
    error: BaseException | None = None
    """The error that the hook raised."""

    def __post_init__(self) -> None:
        # A caller that stops waiting cannot cancel the release.
        self.done.set_running_or_notify_cancel()

    @property
    def failure(self) -> SessionSharingError | None:
        """Why the release failed; None when it succeeded."""
        if self.error is None:
            return None
        resource = self.session.request.resource
        return as_domain_error(self.error, f"The release hook of {resource!r} failed")

    def finish(self, failure: SessionSharingError | None) -> None:
        """Answer the callers that wait for the release."""
        if failure is None:
            self.done.set_result(True)
        else:
            self.done.set_exception(failure)

    @property
    def busy(self) -> ResourceBusyError:
        """The error for callers that wait for a resource whose release takes too long."""
        return still_releasing(self.session.request.resource)


def still_releasing(resource: str) -> ResourceBusyError:
    """Return the error for a resource whose release hook does not return in time."""
    return ResourceBusyError(
        f"The last session of {resource!r} has not released it in time: its release hook, or a "
        "call, does not return. Try again later, or restart the server."
    )


class Releases:
    """Starts releases, and calls the registry back when each ends or is late."""

    def __init__(
        self,
        executor: Executor,
        leases: Leases,
        timeout: float,
        on_free: Callable[[Release], None],
        on_late: Callable[[Release], None],
    ) -> None:
        self._executor = executor
        self._leases = leases
        self._timeout = timeout
        self._on_free = on_free
        self._on_late = on_late

    def start(self, session: Session, transition: Transition, abandoned: str) -> Future[bool]:
        """Run a session's release hook on the executor; return its `Release.done`."""
        release = Release(session, transition, abandoned)
        lease = self._leases.grant(self._timeout, lambda: self._on_late(release))
        self._executor.submit(self._run, release, lease)
        return release.done

    def end_part(self, attachment: Attachment, reason: str) -> Future[bool]:
        """Run the hook for the end of one attachment when no call uses the attachment any more.

        Call it with the registry's lock.

        Returns:
            False, because the session stays open, when the hook has returned. It fails when the
            hook fails, or when the calls and the hook take too long.
        """
        done: Future[bool] = Future()
        done.set_running_or_notify_cancel()
        lease = self._leases.grant(self._timeout, partial(_answer, done, _still_used(attachment)))

        def start() -> None:
            if attachment.session.open:
                self._executor.submit(self._run_end, attachment, reason, done, lease)
            else:  # its release frees everything
                lease.end()
                _answer(done)

        attachment.when_unused = start
        if not attachment.uses:
            start()
        return done

    def _run(self, release: Release, lease: Lease) -> None:
        session = release.session
        with session.alone:
            session.released = True
            try:
                if release.abandoned:
                    session.resource.abandon(release.abandoned)
                else:
                    session.resource.close()
            except BaseException as error:
                release.error = error
        lease.end()
        self._on_free(release)

    @staticmethod
    def _run_end(attachment: Attachment, reason: str, done: Future[bool], lease: Lease) -> None:
        session = attachment.session
        with session.alone:
            try:
                if not session.released:
                    session.resource.end_attachment(attachment.id, reason)
            except BaseException as error:
                what = f"The end of an attachment to {session.request.resource!r} failed"
                explained = as_domain_error(error, what)
                if explained is not error:
                    explained.__cause__ = error
                _answer(done, explained)
        lease.end()
        _answer(done)


def _answer(done: Future[bool], error: SessionSharingError | None = None) -> None:
    """Answer that an attachment has ended, or why it failed; only the first answer counts."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            done.set_result(False)
        else:
            done.set_exception(error)


def _still_used(attachment: Attachment) -> ResourceBusyError:
    return ResourceBusyError(
        f"The attachment to {attachment.session.request.resource!r} has ended, but what it held is "
        "not free yet: one of its calls, or the hook end_attachment, does not return. Try again "
        "later, or close the session."
    )
