"""Let tests of the core decide when time passes and when tasks run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from session_sharing.core.registry import RegistryOptions, SessionRegistry
from session_sharing.core.resources import Resource, ResourceKind


class ManualClock:
    """A monotonic clock that moves only when the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class StepExecutor(Executor):
    """Runs submitted tasks at once, or, while it is held, when the test says so."""

    def __init__(self) -> None:
        self.held = False
        self._tasks: deque[Callable[[], None]] = deque()
        self._running = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._tasks.append(lambda: fn(*args, **kwargs))
        if not self.held:
            self.run()
        return Future()

    def step(self) -> None:
        self._tasks.popleft()()

    def run(self) -> None:
        if self._running:
            return
        self._running = True
        while self._tasks:
            self.step()
        self._running = False


class Probe(Resource):
    """A resource that records its calls."""

    log: list[tuple[str, str]] = []  # noqa: RUF012 - shared on purpose

    def close(self) -> None:
        self.log.append(("close", self.name))

    def abandon(self, reason: str) -> None:
        self.log.append(("abandon", self.name))


class World:
    """A registry whose time and threads the test controls."""

    def __init__(
        self,
        options: RegistryOptions | None = None,
        kinds: dict[str, ResourceKind] | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.executor = StepExecutor()
        Probe.log = []
        self.registry = SessionRegistry(
            kinds or {"probe": Probe}, self.executor, clock=self.clock, options=options
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.registry.leases.expire_due()

    @property
    def released(self) -> list[tuple[str, str]]:
        return Probe.log
