"""Show a run as a table that grows during the run, as JSON, or as JUnit XML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
from lxml import etree
from plugin_kit import LimitCheck
from plugin_kit.calling import json_value
from session_sharing.printing import harmless

from platform_sim.printing import print_line
from platform_sim.sequence.model import Group
from platform_sim.sequence.results import RunResult, StepResult, StepStatus

_COLORS = {
    StepStatus.DONE: "green",
    StepStatus.PASSED: "green",
    StepStatus.FAILED: "red",
    StepStatus.ERROR: "red",
    StepStatus.SKIPPED: "yellow",
}
_MOST_IN_TABLE = 8
"""Elements of an array, such as of a waveform, that the table shows."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Notes:
    """Print notes to standard error, so that they never mix with results. Print nothing else."""

    def note(self, text: str) -> None:
        """Print a note."""
        print_line(f"note: {text}", err=True)

    def step_started(self, group: Group, step: str) -> None:
        """Do nothing."""

    def step_ended(self, result: StepResult) -> None:
        """Do nothing."""


class LiveTable(Notes):
    """Print a line for every step when it ends, and its outputs below it."""

    def __init__(self) -> None:
        self._has_header = False

    def step_started(self, group: Group, step: str) -> None:
        """Print the header before the first step."""
        if not self._has_header:
            print_line(f"{'group':<8} {'status':<8} {'seconds':>8}  step")
            self._has_header = True

    def step_ended(self, result: StepResult) -> None:
        """Print the step."""
        status = click.style(f"{result.status.value:<8}", fg=_COLORS[result.status])
        step = harmless(result.step)
        click.echo(f"{result.group.value:<8} {status} {result.seconds:>8.3f}  {step}")
        for line in (*_output_lines(result, _MOST_IN_TABLE), *_message_lines(result)):
            print_line(f"{'':<28}{line}")


def summary_line(run: RunResult) -> str:
    """Return a line about the result of a run."""
    seconds = sum(step.seconds for step in run.steps)
    counted = f"{len(run.steps)} steps in {seconds:.2f} s"
    if run.passed:
        return f"passed: {counted}"
    verdict = "interrupted" if run.interrupted else "FAILED"
    return f"{verdict}: {len(run.bad_steps)} bad of {counted}"


def bad_step_line(step: StepResult) -> str:
    """Return a line about a step that made a run fail: its name and the reason."""
    return f"{step.group.value} step {step.step!r}: {step.message}"


def run_as_json(run: RunResult) -> dict[str, object]:
    """Return a run as JSON values. Numbers that JSON lacks become null."""
    return {
        "sequence_file": str(run.sequence_file),
        "passed": run.passed,
        "interrupted": run.interrupted,
        "steps": [
            {
                "group": step.group.value,
                "step": step.step,
                "status": step.status.value,
                "seconds": round(step.seconds, 6),
                "message": step.message,
                "details": step.details,
                "measurements": [
                    {
                        "site": one.site,
                        "outputs": json_value(dict(one.outputs)),
                        "limits": [_check_as_json(check) for check in one.checks],
                    }
                    for one in step.measurements
                ],
            }
            for step in run.steps
        ],
    }


def _check_as_json(check: LimitCheck) -> dict[str, object]:
    return {
        "output": check.output,
        "site": check.site,
        "pin": check.pin,
        "value": json_value(check.value),
        **check.limits.plain(),
        "passed": check.passed,
    }


def write_junit(run: RunResult, path: Path) -> None:
    """Write a run as JUnit XML: a test case for each step, and one for each value with limits.

    Raises:
        OSError: The file cannot be written.
    """
    suite = etree.Element("testsuite", name=run.sequence_file.stem)
    for step in run.steps:
        _add_case(suite, run.sequence_file.stem, step)
        for check in step.checks:
            _add_check(suite, run.sequence_file.stem, step, check)
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", f"{sum(step.seconds for step in run.steps):.3f}")
    suites = etree.Element("testsuites")
    suites.append(suite)
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = etree.ElementTree(suites)
    tree.write(str(path), encoding="utf-8", xml_declaration=True, pretty_print=True)


def _add_case(suite: etree._Element, file_name: str, step: StepResult) -> None:
    case = etree.SubElement(
        suite,
        "testcase",
        classname=f"{file_name}.{step.group.value}",
        name=_xml(step.step),
        time=f"{step.seconds:.3f}",
    )
    if step.is_bad and not any(not check.passed for check in step.checks):
        tag = "failure" if step.status is StepStatus.FAILED else "error"
        etree.SubElement(case, tag, message=_xml(step.message)).text = _xml(step.details)
    elif step.status is StepStatus.SKIPPED:
        etree.SubElement(case, "skipped")
    lines = list(_output_lines(step))
    if lines:
        etree.SubElement(case, "system-out").text = _xml("\n".join(lines))


def _add_check(suite: etree._Element, file_name: str, step: StepResult, check: LimitCheck) -> None:
    case = etree.SubElement(
        suite,
        "testcase",
        classname=_xml(f"{file_name}.{step.group.value}.{step.step}"),
        name=_xml(check.place),
        time="0.000",
    )
    if not check.passed and step.is_bad:
        etree.SubElement(case, "failure", message=_xml(str(check)))
    etree.SubElement(case, "system-out").text = _xml(str(check))


def _output_lines(result: StepResult, most: int | None = None) -> Iterator[str]:
    for one in result.measurements:
        prefix = "" if one.site is None else f"site {one.site}: "
        for name, value in one.outputs.items():
            shown = json.dumps(json_value(value))
            if most is not None and isinstance(value, list) and len(value) > most:
                first = json.dumps(json_value(value[:most])).removesuffix("]")
                shown = f"{first}, ... {len(value)} values]"
            yield f"{prefix}{name} = {shown}"


def _message_lines(result: StepResult) -> list[str]:
    failed = [str(check) for check in result.checks if not check.passed]
    by_limits = failed and result.status is StepStatus.FAILED
    return [*(failed if by_limits else result.message.splitlines()), *result.details.splitlines()]


def _xml(text: str) -> str:
    return _NOT_IN_XML.sub("?", text)
