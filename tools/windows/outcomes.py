"""A pytest plugin that writes each outcome as it comes, so that a process that dies loses none."""

from __future__ import annotations

import json
import os

import pytest


def _write(**entry: object) -> None:
    with open(os.environ["OUTCOMES_FILE"], "a", encoding="utf-8") as stream:  # noqa: PTH123
        stream.write(json.dumps(entry) + "\n")


def pytest_runtest_logstart(nodeid: str) -> None:
    """Write that a test begins."""
    _write(test=nodeid, outcome="started")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write how a test, or what surrounds it, ended."""
    if report.when == "call" or not report.passed:
        _write(test=report.nodeid, outcome=report.outcome, why=_reason(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Write that a whole file is skipped or cannot be imported."""
    if not report.passed:
        _write(test=report.nodeid, outcome=report.outcome, why=_reason(report))


def pytest_sessionfinish() -> None:
    """Write that nothing more comes."""
    _write(test="", outcome="finished")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return report.longreprtext
