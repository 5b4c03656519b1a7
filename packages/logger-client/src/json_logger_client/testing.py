"""Pytest plugin: log the outcomes of tests, and what they measure.

`pytest --json-log FILE`, or the setting `json_log = "FILE"`, turns it on. pytest loads this module
by its entry point in every run, so it imports nothing large before it is turned on.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from json_logger_client.outcome_log import OutcomeLog
    from json_logger_client.record_context import Limits

__all__ = ["RecordMeasurement", "record_measurement"]

_LOG: pytest.StashKey[OutcomeLog] = pytest.StashKey()
_MEASURED: pytest.StashKey[RecordMeasurement] = pytest.StashKey()


class RecordMeasurement:
    """Records measured values of one test; the fixture `record_measurement` returns it."""

    def __init__(self, test: str, log: OutcomeLog | None) -> None:
        """Begin without values.

        Args:
            test: Node id of the test.
            log: Where the values are logged; None if the plugin is off.
        """
        self._test = test
        self._log = log
        self.failures: list[str] = []
        """A text for each value that is not within its limits."""

    def __call__(
        self,
        name: str,
        value: Any,
        unit: str = "",
        limits: Limits | Sequence[Limits] | None = None,
    ) -> bool:
        """Log a measured value, and return when it is safe.

        A value that is not within its limits fails the test at its end, so that the test can
        measure the rest.

        Args:
            name: Name of the measurement.
            value: A number, a list or an array of numbers, or another value that a record can have.
            unit: Unit of the value, such as "V".
            limits: Limits of the value: one for all its numbers, or a list with one for each.

        Returns:
            Whether the value is within its limits; True without limits.

        Raises:
            SessionSharingError: The value could not be logged, or the limits do not fit.
        """
        from json_logger_client.record_context import RecordContext, record_fields

        context = RecordContext(
            units={name: unit} if unit else {}, limits={} if limits is None else {name: limits}
        )
        passed = record_fields(context, {name: value}).get("status") != "failed"
        if not passed:
            measured = f"{value!r:.60} {unit}".rstrip()
            self.failures.append(f"{name} is {measured}. It is not within {limits!r}.")
        if self._log is not None:
            self._log.log_value(self._test, name, value, context)
        return passed


@pytest.fixture
def record_measurement(request: pytest.FixtureRequest) -> RecordMeasurement:
    """Return a function that logs a measured value and checks it against its limits.

    ::

        def test_supply(record_measurement):
            record_measurement("vout", read_volts(), "V", Limits(low=3.2, high=3.4))

    If the plugin is off, it only checks the value.
    """
    log = request.config.stash.get(_LOG, None)
    measured = request.node.stash[_MEASURED] = RecordMeasurement(request.node.nodeid, log)
    return measured


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting that turn the plugin on."""
    text = (
        "Log the outcomes of tests, and the values of record_measurement, into this file. A "
        "relative name starts at the first log folder of the json-logger server."
    )
    parser.getgroup("json-log", "log outcomes and measurements").addoption(
        "--json-log", metavar="FILE", help=text
    )
    parser.addini("json_log", help=f"{text} The option --json-log replaces it.", default="")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the log, if the plugin is turned on. The workers of pytest-xdist attach to it."""
    config = session.config
    file = config.getoption("json_log") or config.getini("json_log")
    if not file or config.option.collectonly:
        return
    from session_sharing import SessionSharingError

    from json_logger_client.outcome_log import OutcomeLog

    try:
        log = OutcomeLog(config, file)
    except SessionSharingError as error:
        raise pytest.UsageError(f"--json-log {file}: {error}") from error
    config.stash[_LOG] = log
    config.pluginmanager.register(log, "json-log-outcomes")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test at its end if a measured value was not within its limits."""
    result = yield
    measured = item.stash.get(_MEASURED, None)
    if measured is not None and measured.failures:
        pytest.fail("\n".join(measured.failures), pytrace=False)
    return result
