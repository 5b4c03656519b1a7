"""Run release hooks in worker threads, outside every lock, each with a timeout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from session_sharing.core.errors import (
    ResourceBusyError,
    SessionSharingError,
    as_domain_error,
)
from session_sharing.core.leases import Lease, Leases
from session_sharing.core.sessions import Session
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
        f"The last session of {resource!r} has not released it in time: its release hook does not "
        "return. Try again later, or restart the server."
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

    def _run(self, release: Release, lease: Lease) -> None:
        try:
            if release.abandoned:
                release.session.resource.abandon(release.abandoned)
            else:
                release.session.resource.close()
        except BaseException as error:
            release.error = error
        lease.end()
        self._on_free(release)
