"""Show in one place what runs, who holds what, and what was done last."""

from __future__ import annotations

from itertools import islice

from measurement_console.console import Console
from measurement_console.pages.page import Arguments, Facts, Page

_MOST_ACTIONS = 10


def _health(console: Console, _: Arguments) -> Facts:
    servers = [server.health for server in console.servers.all]
    return {"things": [console.platform.health, *servers]}


def _services(console: Console, _: Arguments) -> Facts:
    return {
        "platform": console.platform.health,
        "services": [one for one in console.platform.state.services if one.address],
    }


def _sessions(console: Console, _: Arguments) -> Facts:
    return {"servers": console.servers.all}


def _reservations(console: Console, _: Arguments) -> Facts:
    reservations = [one for one in console.platform.state.reservations if one.is_reserved]
    return {"platform": console.platform.health, "reservations": reservations}


def _work(console: Console, _: Arguments) -> Facts:
    """Return the runs of sequences with their present step, and the measurements that run."""
    sequences = [
        (run, next(reversed(view.rows), None) if view else None)
        for run in console.sequences.runs
        if not run.outcome
        for view in (console.sequences.view(run.run_id),)
    ]
    return {
        "sequences": sequences,
        "measurements": [run for run in console.measurements.all() if run.ended_at is None],
        "platform": console.platform.health,
    }


def _actions(console: Console, _: Arguments) -> Facts:
    return {"actions": list(islice(reversed(console.audit.actions), _MOST_ACTIONS))}


NOW = Page(
    "now",
    "Now",
    sections={
        "now-health": _health,
        "now-work": _work,
        "now-sessions": _sessions,
        "now-services": _services,
        "now-reservations": _reservations,
        "now-actions": _actions,
    },
)
