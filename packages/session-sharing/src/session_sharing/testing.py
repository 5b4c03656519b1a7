"""Pytest plugin: the marker and the fixture `shared` keep tests from using one instrument at once.

They hold for all workers of pytest-xdist, for other runs of this user, and for other hosts when
there is a lock server for them. pytest loads this module by its entry point in every run, so it
imports nothing large before a test is marked. docs/shared-instruments.md shows how to use it.
"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from session_sharing.client import Connection
    from session_sharing.locks import HardwareLock

__all__ = ["SharedInstrumentWarning", "shared"]

_PATIENCE = 600.0
"""Seconds to wait for an instrument, by default."""
_held = pytest.StashKey[ExitStack]()
_connection = pytest.StashKey["Connection"]()


class SharedInstrumentWarning(UserWarning):
    """The test that used an instrument before has died, so its state is not known."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting `shared_timeout`."""
    parser.addini(
        "shared_timeout",
        "seconds that a test waits for its shared instruments",
        default=str(_PATIENCE),
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "shared(*names, timeout=None): hold these instruments during the test, with its fixtures; "
        "no other test that shares them runs meanwhile, in any worker",
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the lock server."""
    connection = config.stash.get(_connection, None)
    if connection is not None:
        connection.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take the instruments of a marked test before its fixtures are set up."""
    marks = list(item.iter_markers("shared"))
    names = sorted({name for mark in marks for name in mark.args})  # in one order: no deadlock
    if names:
        timeouts = [mark.kwargs["timeout"] for mark in marks if mark.kwargs.get("timeout")]
        _take(item, names, min(timeouts, default=None))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Release the instruments of a test after its fixtures."""
    held = item.stash.get(_held, None)
    if held is not None:
        del item.stash[_held]
        held.close()


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Iterator[Callable[..., HardwareLock]]:
    """Hold an instrument from the call to the end of the test: `shared("scope-1")`.

    The function takes the name of the instrument and, if the default does not fit, the seconds to
    wait (`timeout=`). It returns the lock. A test that needs several instruments takes them in the
    order of their names, so that no two tests wait for each other; or it uses the marker.
    """
    yield lambda name, timeout=None: _take(request.node, [name], timeout)[0]


def _take(item: pytest.Item, names: Sequence[str], timeout: float | None) -> list[HardwareLock]:
    from session_sharing.core.errors import SessionAlreadyOpenError, SessionSharingError
    from session_sharing.locks import HardwareLock

    patience = float(item.config.getini("shared_timeout")) if timeout is None else timeout
    held = item.stash.setdefault(_held, ExitStack())
    taken = []
    for name in names:
        try:
            lock = HardwareLock(
                name, patience, connection=_connect(item.config), label=_holder(item)
            )
        except SessionAlreadyOpenError as error:
            pytest.fail(f"The shared instrument {error}", pytrace=False)
        except SessionSharingError as error:
            pytest.fail(f"The shared instrument {name!r} cannot be held: {error}", pytrace=False)
        held.enter_context(lock)
        taken.append(lock)
        if lock.crashed_holder:
            text = f"The test that held {name!r} before has died: {lock.crashed_holder}."
            warnings.warn(SharedInstrumentWarning(text), stacklevel=2)
    return taken


def _connect(config: pytest.Config) -> Connection:
    """Return this process's connection to the lock server."""
    connection = config.stash.get(_connection, None)
    if connection is None:
        from session_sharing.locks.client import connect_to_locks

        connection = config.stash[_connection] = connect_to_locks()
    return connection


def _holder(item: pytest.Item) -> str:
    """Return the name of a test, with its worker and process, for other tests and people."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    where = f"{worker}, " if worker else ""
    return f"{item.nodeid} ({where}pid {os.getpid()} on {socket.gethostname()})"
