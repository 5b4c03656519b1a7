"""Compares the tests that passed on Windows with those that passed in `nox -s tests`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from suites import Outcome

Names = set[tuple[str, str]]
"""Tests of one package: the module as JUnit's XML names it, and the test."""


def passed_elsewhere(folder: Path) -> dict[str, Names]:
    """Return the tests of each package that passed, from the files PACKAGE.xml in a folder."""
    return {file.stem: set(_passed(file)) for file in sorted(folder.glob("*.xml"))}


def _passed(report: Path) -> Iterable[tuple[str, str]]:
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it here
        if not len(case):  # no element says that it failed or was skipped
            yield case.get("classname", ""), case.get("name", "")


def comparison(outcomes: Iterable[Outcome], elsewhere: Mapping[str, Names], system: str) -> str:
    """Return how many tests ran on both systems and on one of them, as a Markdown table.

    Args:
        outcomes: Of the tests on Windows.
        elsewhere: The tests of each package that passed on the other system.
        system: Its name.
    """
    here: dict[str, Names] = {}
    for one in outcomes:
        passed = here.setdefault(one.package, set())
        if one.outcome == "passed":
            passed.add(_junit_name(one.test))
    lines = [f"| package | on both | on Windows only | on {system} only |", "|---|---|---|---|"]
    for package in here.keys() & elsewhere.keys():
        ours, theirs = here[package], elsewhere[package]
        counts = (len(ours & theirs), len(ours - theirs), len(theirs - ours))
        lines.append(f"| {package} | {' | '.join(map(str, counts))} |")
    return "\n".join([*lines[:2], *sorted(lines[2:])])


def _junit_name(test: str) -> tuple[str, str]:
    """Return the name of a pytest id: `tests/test_a.py::TestB::test_c` has module tests.test_a."""
    before, bracket, parameters = test.partition("[")
    file, *classes, name = before.split("::")
    module = file.removesuffix(".py").replace("/", ".")
    return ".".join([module, *classes]), f"{name}{bracket}{parameters}"
