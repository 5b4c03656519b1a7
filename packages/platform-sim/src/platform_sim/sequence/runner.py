"""Run a sequence: Setup, Main, then always Cleanup.

This is not TestStand: there is no process model, no report, and one sequence. If the file needs
more, the runner names the missing features before the first step runs.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from platform_sim.errors import PlatformSimError
from platform_sim.sequence.errors import ExpressionError
from platform_sim.sequence.expressions import evaluate
from platform_sim.sequence.interpreter import Interpreters
from platform_sim.sequence.interrupts import Interrupts
from platform_sim.sequence.model import Group, MeasurementCall, Step
from platform_sim.sequence.refusals import refuse_unsupported
from platform_sim.sequence.results import RunResult, SiteOutputs, StepResult, StepStatus
from platform_sim.sequence.seq_reader import read_sequence_file
from platform_sim.sequence.step_calls import Execution, StepCalls
from platform_sim.sequence.variables import ExecutionVariables

_FORCED = {
    "Skip": StepStatus.SKIPPED,
    "ForcePass": StepStatus.PASSED,
    "ForceFail": StepStatus.FAILED,
}
_NO_LOOP = "NoLooping"
_INTERRUPTED = "interrupted by the user"


class RunListener(Protocol):
    """Gets the events of a run while it runs."""

    def note(self, text: str) -> None:
        """Take a note for the user. It is no error."""

    def step_started(self, group: Group, step: str) -> None:
        """Take the start of a step."""

    def step_ended(self, result: StepResult) -> None:
        """Take the end of a step."""


def run_sequence_file(
    sequence_file: Path,
    *,
    discovery_address: str,
    environment: Mapping[str, str],
    listener: RunListener,
    pin_map: Path | None = None,
    sites: tuple[int, ...] = (),
    python: Path | None = None,
    uut: str = "",
    interrupts: Interrupts | None = None,
) -> RunResult:
    """Run the main sequence of a file.

    Args:
        sequence_file: A .seq file in XML form.
        discovery_address: HOST:PORT of the platform's discovery service.
        environment: Environment variables for the code modules' interpreters. They make the NI
            SDK find the platform.
        listener: Gets every step, and notes for the user.
        pin_map: Pin map to use instead of the one that the file names.
        sites: Sites to measure on, none for all sites of the active pin map.
        python: Python to use instead of the environments that the file names.
        uut: Serial number of the unit under test.
        interrupts: The signals that interrupt the run. By default Python's own KeyboardInterrupt.

    Raises:
        SequenceFileError: The file cannot be read.
        UnsupportedError: It needs a feature that platform-sim lacks.
    """
    sequence_file = sequence_file.resolve()
    content = read_sequence_file(sequence_file)
    sequence = refuse_unsupported(content)
    variables = ExecutionVariables(content, sequence, uut)
    execution = Execution(sequence_file, sequence.name, uut)

    def report(substitution: str) -> None:
        listener.note(f"{substitution}. Choose another with 'platform-sim run --python'.")

    with Interpreters(sequence_file, environment, python, report) as interpreters:
        calls = StepCalls(execution, variables, interpreters, discovery_address, pin_map, sites)
        run = _Run(calls, variables, listener, interrupts or Interrupts())
        for group in Group:
            run.group(group, sequence.group(group))
    return RunResult(sequence_file, tuple(run.results), run.interrupted)


class _Run:
    """One run of one sequence."""

    def __init__(
        self,
        calls: StepCalls,
        variables: ExecutionVariables,
        listener: RunListener,
        interrupts: Interrupts,
    ) -> None:
        self._calls = calls
        self._interrupts = interrupts
        self._variables = variables
        self._listener = listener
        self._goes_on = True
        self.results: list[StepResult] = []
        self.interrupted = False

    def group(self, group: Group, steps: tuple[Step, ...]) -> None:
        """Run the steps of a group.

        After an error the rest of Setup and Main is skipped. Cleanup runs all of its steps: each
        releases a resource, so an error in one must not skip the others. A first interrupt does
        not skip them either, but a second one does.
        """
        for step in steps:
            if self._interrupts.take():
                self._interrupt(group)
            if not self._goes_on and group is not Group.CLEANUP:
                return
            result = self._step(group, step)
            self.results.append(result)
            self._listener.step_ended(result)
            self._goes_on = self._goes_on and not _ends_sequence(step, result)

    def _interrupt(self, group: Group) -> None:
        if group is Group.CLEANUP and self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self._goes_on = False

    def _step(self, group: Group, step: Step) -> StepResult:
        self._listener.step_started(group, step.name)
        self._variables.enter_step()
        started = time.perf_counter()
        status, message, details = StepStatus.ERROR, "", ""
        measured: tuple[SiteOutputs, ...] = ()
        may_interrupt = group is not Group.CLEANUP or self.interrupted
        try:
            with self._interrupts.allowed() if may_interrupt else contextlib.nullcontext():
                status, measured = self._run_step(step)
        except PlatformSimError as error:
            message, details = str(error), getattr(error, "details", "")
        except KeyboardInterrupt:
            self._interrupt(group)
            message = _INTERRUPTED
        if status is StepStatus.FAILED:
            message = self._reason_of_failure(measured)
        counts = (
            step.flow.failure_fails_sequence
            if status is StepStatus.FAILED
            else not step.flow.ignore_errors
        )
        seconds = time.perf_counter() - started
        return StepResult(group, step.name, status, seconds, message, details, measured, counts)

    def _reason_of_failure(self, measured: tuple[SiteOutputs, ...]) -> str:
        failed = [str(check) for one in measured for check in one.checks if not check.passed]
        text = str(self._variables.result["ReportText"])
        return text or "; ".join(failed) or "the step's status is Failed"

    def _run_step(self, step: Step) -> tuple[StepStatus, tuple[SiteOutputs, ...]]:
        flow = step.flow
        if flow.precondition and not evaluate(flow.precondition, self._variables):
            return StepStatus.SKIPPED, ()
        if flow.mode in _FORCED:
            return _FORCED[flow.mode], ()
        if flow.loop_type == _NO_LOOP:
            return self._turn(step)
        return self._loop(step)

    def _loop(self, step: Step) -> tuple[StepStatus, tuple[SiteOutputs, ...]]:
        flow, loop = step.flow, self._variables.loop
        loop.update(LoopNumIterations=0.0, LoopNumPassed=0.0)
        measured: tuple[SiteOutputs, ...] = ()
        status = StepStatus.DONE
        evaluate(flow.loop_initialize, self._variables)
        while evaluate(flow.loop_while, self._variables):
            status, outputs = self._turn(step)
            measured += outputs
            # A code module that ran in between has replaced the counters.
            loop = self._variables.loop
            loop["LoopNumIterations"] += 1
            loop["LoopNumPassed"] += status in (StepStatus.PASSED, StepStatus.DONE)
            evaluate(flow.loop_increment, self._variables)
        if flow.loop_status:
            status = self._status(flow.loop_status)
        return status, measured

    def _turn(self, step: Step) -> tuple[StepStatus, tuple[SiteOutputs, ...]]:
        flow = step.flow
        if flow.pre_expression:
            evaluate(flow.pre_expression, self._variables)
        measured = self._calls.perform(step)
        if isinstance(step.call, MeasurementCall):
            self._variables.result["Outputs"] = dict(measured[-1].outputs)
        if flow.post_expression:
            evaluate(flow.post_expression, self._variables)
        status = StepStatus.DONE
        if isinstance(step.call, MeasurementCall) and step.call.limits:
            passed = all(check.passed for one in measured for check in one.checks)
            status = StepStatus.PASSED if passed else StepStatus.FAILED
        if flow.status_expression:
            status = self._status(flow.status_expression)
        return status, measured

    def _status(self, expression: str) -> StepStatus:
        value = evaluate(expression, self._variables)
        if isinstance(value, bool):
            return StepStatus.PASSED if value else StepStatus.FAILED
        try:
            return StepStatus(value)
        except ValueError:
            raise ExpressionError(f"{expression} gives {value!r}, not a status.") from None


def _ends_sequence(step: Step, result: StepResult) -> bool:
    if result.status is StepStatus.ERROR:
        return not step.flow.ignore_errors
    is_failed = result.status is StepStatus.FAILED
    return (step.flow.fail_action if is_failed else step.flow.pass_action) == "Terminate"
