"""Runs release hooks: in worker threads, outside every lock, each with a timeout."""

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
    """One session on its way out."""

    session: Session
    transition: Transition
    abandoned: str
    """Why nobody closed it properly; empty when somebody did."""
    done: Future[bool] = field(default_factory=Future)
    """True once the resource is free; fails when its hook fails or takes too long."""
    error: BaseException | None = None
    """What the hook raised."""

    def __post_init__(self) -> None:
        # Whoever waits for it may stop waiting; the release goes on.
        self.done.set_running_or_notify_cancel()

    @property
    def failure(self) -> SessionSharingError | None:
        """Why the resource was not released as it should be; None when it was."""
        if self.error is None:
            return None
        resource = self.session.request.resource
        return as_domain_error(self.error, f"{resource!r} was not released as it should be")

    def tell(self, failure: SessionSharingError | None) -> None:
        """Tell whoever waits how it ended."""
        if failure is None:
            self.done.set_result(True)
        else:
            self.done.set_exception(failure)

    @property
    def busy(self) -> ResourceBusyError:
        """The refusal of whoever waits for a resource that does not come free."""
        resource = self.session.request.resource
        return ResourceBusyError(f"{resource!r} is still being released by its last session.")


class Releases:
    """Starts releases and tells the registry how each ends."""

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
        """Run a session's release hook on the executor."""
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
