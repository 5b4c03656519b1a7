"""The hooks of pytest by which a run of tests writes its outcomes into a log."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from session_sharing import ClosePolicy, SessionOptions, SessionSharingError

from json_logger_client.client import JsonLoggerClient
from json_logger_client.encoding import text_of
from json_logger_client.record_context import RecordContext, SequencePlace, Status

_SHARED = SessionOptions(close_policy=ClosePolicy.WITH_LAST_ATTACHMENT)
_NAME = "test"
"""Measurement name of the records with outcomes."""
_CRASHED = "???"
"""Phase that pytest-xdist reports for a test whose worker has crashed."""
_RUN, _LOST = "json_log_run", "json_log_lost"
"""Keys of what the controller tells a worker, and a worker the controller."""


@dataclass
class _Outcome:
    """What is known about a test that runs."""

    outcome: str = "passed"
    status: Status | None = "passed"
    message: str = ""
    duration: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Add the report of one phase: setup, call or teardown."""
        self.duration += report.duration
        if report.failed:
            self.outcome = self.status = "failed" if report.when == "call" else "error"
        elif hasattr(report, "wasxfail"):
            self.outcome = "xpassed" if report.passed else "xfailed"
            self.status = "passed" if report.passed else None
        elif report.skipped:
            self.outcome, self.status = "skipped", None
        if not report.passed:
            self.message = _message(report)


class OutcomeLog:
    """The log of one process of a run: of pytest itself, or of a worker of pytest-xdist.

    The controller of pytest-xdist opens the session, and its workers attach. Each process writes
    what it runs, and returns when it is safe. So a killed worker loses nothing. The controller
    writes the outcome of the test that the worker was running.
    """

    def __init__(self, config: pytest.Config, file: str) -> None:
        """Open the log, or attach to it.

        Raises:
            SessionSharingError: The log cannot be opened.
        """
        self._config = config
        of_controller: dict[str, Any] = getattr(config, "workerinput", {})
        self._worker = str(of_controller.get("workerid", ""))
        self._run = str(of_controller.get(_RUN) or uuid.uuid4().hex[:16])
        self._outcomes: dict[str, _Outcome] = {}
        self._lost: list[str] = []
        """The reasons why records of outcomes could not be written."""
        self._log = JsonLoggerClient(file, options=_SHARED, reset_after_restart=True)

    def log_value(self, test: str, name: str, value: Any, context: RecordContext) -> None:
        """Log a value that a test has measured.

        Raises:
            SessionSharingError: The value is not known to be in the file.
        """
        context = replace(context, sequence=self._place(test))
        self._log.log_data(name, self._source(test), {name: value}, context=context)

    def pytest_report_header(self) -> str:
        """Say where the outcomes are."""
        return f"json-log: {self._log.path}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist the name of this run."""
        node.workerinput[_RUN] = self._run

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker could not write."""
        self._lost += getattr(node, "workeroutput", {}).get(_LOST, [])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Log a test that is interrupted, for which there is no report."""
        try:
            return (yield)
        except (KeyboardInterrupt, pytest.exit.Exception):
            outcome = self._outcomes.pop(item.nodeid, _Outcome())
            self._write(item.nodeid, replace(outcome, outcome="aborted", status="aborted"))
            raise

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the reports of a test, and log its outcome after the last one."""
        node = getattr(report, "node", None)
        if report.when == _CRASHED:
            crashed = _Outcome("error", "error", str(report.longrepr))
            self._write(report.nodeid, crashed, worker=node.gateway.id if node else "")
        elif node is None:  # otherwise a worker has logged it
            outcome = self._outcomes.setdefault(report.nodeid, _Outcome())
            outcome.add(report)
            if report.when == "teardown":
                self._write(report.nodeid, self._outcomes.pop(report.nodeid))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Leave the log. A run whose outcomes could not be written does not succeed."""
        try:
            self._log.detach()
        except SessionSharingError as error:
            self._lost.append(str(error))
        if self._worker:
            self._config.workeroutput[_LOST] = self._lost  # type: ignore[attr-defined]  # of xdist
        elif self._lost and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say that outcomes could not be written."""
        if self._lost:
            terminalreporter.section("json-log", red=True)
            count = len(self._lost)
            terminalreporter.line(f"Not known to be in the log: {count} outcomes of tests.")
            for reason in dict.fromkeys(self._lost):
                terminalreporter.line(reason)

    def _write(self, test: str, outcome: _Outcome, worker: str = "") -> None:
        outputs: dict[str, Any] = {"outcome": outcome.outcome, "duration": outcome.duration}
        if outcome.message:
            outputs["message"] = text_of(outcome.message)
        context = RecordContext(
            units={"duration": "s"}, status=outcome.status, sequence=self._place(test)
        )
        if self._lost and not self._log.connection.is_connected():
            self._lost.append("The server does not answer.")  # do not wait for each test
            return
        try:
            self._log.log_data(_NAME, self._source(test, worker), outputs, context=context)
        except SessionSharingError as error:
            self._lost.append(str(error))

    def _source(self, test: str, worker: str = "") -> dict[str, str]:
        source = {"test": test, "worker": worker or self._worker}
        return {key: text for key, text in source.items() if text}

    def _place(self, test: str) -> SequencePlace:
        file, _, step = test.partition("::")
        return SequencePlace(file=file, step=step, execution=self._run)


def _message(report: pytest.TestReport) -> str:
    """Return why a phase failed or was skipped."""
    if isinstance(report.longrepr, tuple):  # of a skipped test: file, line, reason
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longreprtext)
