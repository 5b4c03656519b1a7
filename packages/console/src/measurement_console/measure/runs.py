"""The runs of measurements that the console started: the running ones and the last ones."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plugin_kit.calling import MeasurementPlugin, PlatformClient, PluginCallError

from measurement_console.errors import ConsoleError
from measurement_console.measure.call_lines import MeasureCall
from measurement_console.measure.outputs import ShownOutputs, show_outputs
from measurement_console.measure.plugins import METADATA_SECONDS

MOST_RUNNING = 8
MOST_KEPT = 50


class TooManyRunsError(ConsoleError):
    """Too many measurements run. Wait until one ends, or cancel one."""


class UnknownRunError(ConsoleError):
    """The console has no such run, because it keeps only the last ones."""


@dataclass(slots=True)
class MeasureRun:
    """One call of a measurement. Only the event loop changes it."""

    run_id: str
    """Name of the run."""
    call: MeasureCall
    """The call."""
    display_name: str
    """Name of the measurement for users."""
    who: str
    """Who started it."""
    started_at: float
    """Time of its start, in seconds since 1970."""
    ended_at: float | None = None
    """Time of its end; None while it runs."""
    updates: int = 0
    """How often the plug-in sent outputs."""
    shown: ShownOutputs = field(default_factory=ShownOutputs)
    """The last outputs, as a page shows them."""
    error: str = ""
    """Why it failed, or who cancelled it."""
    is_cancelled: bool = False
    """Whether a user cancelled it."""
    revision: int = 0
    """Number of its last change, counted over all runs."""

    @property
    def state(self) -> str:
        """Return "running", "cancelling", "done", "failed" or "cancelled"."""
        if self.ended_at is None:
            return "cancelling" if self.is_cancelled else "running"
        if self.is_cancelled:
            return "cancelled"
        return "failed" if self.error else "done"


class MeasureRuns:
    """Start measurements and keep their last outputs. Call all methods on one event loop.

    A slow reader of a run misses updates in between, and `updates` says how many there were.

    Args:
        changed: Is called after each change of a run, on the event loop.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._runs: dict[str, MeasureRun] = {}
        self._calls: dict[str, _Call] = {}
        self._revision = 0

    def all(self) -> list[MeasureRun]:
        """Return the runs, the latest first."""
        return list(reversed(self._runs.values()))

    def get(self, run_id: str) -> MeasureRun:
        """Return a run.

        Raises:
            UnknownRunError: The console has no such run.
        """
        if run_id not in self._runs:
            raise UnknownRunError(
                f"This console has no such run. It keeps the last {MOST_KEPT} runs until it ends."
            )
        return self._runs[run_id]

    def start(
        self, call: MeasureCall, *, discovery_address: str, display_name: str, who: str
    ) -> MeasureRun:
        """Start a run and return at once.

        Args:
            call: What to call, with which values.
            discovery_address: HOST:PORT of discovery.
            display_name: Name of the measurement for users.
            who: Who starts it.

        Raises:
            TooManyRunsError: Too many measurements run.
        """
        if len(self._calls) >= MOST_RUNNING:
            raise TooManyRunsError(
                f"{MOST_RUNNING} measurements run at once. Wait until one ends, or cancel one."
            )
        run = MeasureRun(secrets.token_hex(8), call, display_name, who, time.time())
        self._runs[run.run_id] = run
        self._forget_old()
        one = _Call(run, discovery_address, asyncio.get_running_loop(), self._update)
        self._calls[run.run_id] = one
        one.start()
        self._note(run)
        return run

    def cancel(self, run_id: str, who: str) -> None:
        """Cancel a run. This does nothing when it has ended.

        Raises:
            UnknownRunError: The console has no such run.
        """
        run = self.get(run_id)
        call = self._calls.get(run_id)
        if call is not None and not run.is_cancelled:
            run.is_cancelled = True
            run.error = f"Cancelled by {who}."
            call.cancel()
            self._note(run)

    def close(self) -> None:
        """Cancel all runs."""
        for call in self._calls.values():
            call.cancel()

    def _update(self, run: MeasureRun, news: _News) -> None:
        run.updates += news.updates
        if news.shown is not None:
            run.shown = news.shown
        if news.has_ended:
            run.ended_at = time.time()
            run.error = run.error or news.error
            self._calls.pop(run.run_id, None)
        self._note(run)

    def _note(self, run: MeasureRun) -> None:
        self._revision += 1
        run.revision = self._revision
        self._changed()

    def _forget_old(self) -> None:
        ended = [one.run_id for one in self._runs.values() if one.ended_at is not None]
        for run_id in ended[: max(len(self._runs) - MOST_KEPT, 0)]:
            del self._runs[run_id]


@dataclass(slots=True)
class _News:
    """What happened in the thread of a run since the event loop looked last."""

    updates: int = 0
    shown: ShownOutputs | None = None
    error: str = ""
    has_ended: bool = False


class _Call:
    """The thread that calls the plug-in. It keeps only the last outputs for the event loop."""

    def __init__(
        self,
        run: MeasureRun,
        discovery_address: str,
        loop: asyncio.AbstractEventLoop,
        update: Callable[[MeasureRun, _News], None],
    ) -> None:
        self._run = run
        self._discovery_address = discovery_address
        self._loop = loop
        self._update = update
        self._lock = threading.Lock()
        self._news: _News | None = None
        self._plugin: MeasurementPlugin | None = None
        self._is_cancelled = False

    def start(self) -> None:
        threading.Thread(target=self._work, name="measure", daemon=True).start()

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            if self._plugin is not None:
                self._plugin.cancel()

    def _work(self) -> None:
        error = ""
        try:
            self._measure()
        except PluginCallError as problem:
            error = str(problem)
        except Exception as problem:  # a run must end for those who watch it
            error = f"The console could not make the call: {problem!r}."
        self._tell(error=error, has_ended=True)

    def _measure(self) -> None:
        call, address = self._run.call, self._discovery_address
        with MeasurementPlugin.resolve(
            call.service_class, discovery_address=address, timeout=METADATA_SECONDS
        ) as plugin:
            pin_map_id = ""
            if call.pin_map:
                with PlatformClient(address) as platform:
                    pin_map_id = platform.load_pin_map(Path(call.pin_map))
            updates = plugin.stream(call.values, pin_map_id=pin_map_id, sites=call.sites)
            with self._lock:
                self._plugin = plugin
                if self._is_cancelled:
                    plugin.cancel()
            for outputs in updates:
                self._tell(show_outputs(outputs))
            with self._lock:
                self._plugin = None

    def _tell(
        self,
        shown: ShownOutputs | None = None,
        error: str = "",
        has_ended: bool = False,
    ) -> None:
        with self._lock:
            is_first = self._news is None
            news = self._news or _News()
            news.updates += shown is not None
            news.shown = shown or news.shown
            news.error, news.has_ended = error, has_ended
            self._news = news
        if is_first:
            with suppress(RuntimeError):  # the event loop has ended, and the console with it
                self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            news, self._news = self._news, None
        if news is not None:
            self._update(self._run, news)
