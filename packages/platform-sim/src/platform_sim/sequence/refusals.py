"""What a sequence file needs of TestStand that cannot be done here, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from platform_sim.sequence.errors import ExpressionError, UnsupportedError
from platform_sim.sequence.expression_syntax import Name, parse
from platform_sim.sequence.model import (
    Call,
    Group,
    MeasurementCall,
    PinMapUpdate,
    PythonCall,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
    UnknownCall,
    Wait,
)

FORCED_MODES = frozenset({"Skip", "ForcePass", "ForceFail"})
"""Run modes in which a step does nothing."""

RUN_MODES = FORCED_MODES | {"Normal"}
_ACTIONS = frozenset({"Next", "Terminate"})
_NO_LOOP = "NoLooping"
_RESULT = "result"
"""Starts what an expression is for that names a variable to put something into."""

_IN_TESTSTAND = "run the file in TestStand"
_LEAVE_OUT = f"Set the step's run mode to Skip, or {_IN_TESTSTAND}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that cannot be done here."""

    where: str
    """The step, or ``file``."""

    problem: str
    """What it is."""

    mending: str
    """What to do about it."""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.where}: {self.problem}. {self.mending}."


def refusals(content: SequenceFile) -> list[Refusal]:
    """Return what of a sequence file cannot be done here.

    Only the sequence at which execution starts is looked at; nothing here can call another one.
    """
    main = content.main_sequence()
    if main is None:
        names = ", ".join(sequence.name for sequence in content.sequences) or "none"
        problem = f"no MainSequence, where execution starts (sequences: {names})"
        return [Refusal("file", problem, "Name the sequence that is to run MainSequence")]
    return [
        Refusal(at_step(group, step), problem, mending)
        for group, step in main.steps()
        for problem, mending in _of_step(step)
    ]


def refuse_unsupported(content: SequenceFile) -> Sequence:
    """Return the sequence at which execution starts.

    Raises:
        UnsupportedError: Something in it cannot be done here; every such thing is named.
    """
    problems = refusals(content)
    main = content.main_sequence()
    if problems or main is None:
        raise UnsupportedError("\n".join(["this sequence cannot run here:", *map(str, problems)]))
    return main


def at_step(group: Group, step: Step) -> str:
    """Return how messages name a step."""
    return f"{group.value} step {step.name!r}"


def _of_step(step: Step) -> Iterator[tuple[str, str]]:
    """Yield problems and mendings; what a run mode leaves out is none."""
    yield from _of_flow(step.flow)
    if step.flow.mode not in FORCED_MODES:
        if isinstance(step.call, UnknownCall):
            yield f"{step.call.what} is not supported", _LEAVE_OUT
        for option in step.unknown_options:
            yield f"{option} is not supported", f"Take the option out, or {_IN_TESTSTAND}"
    for what, expression in expressions(step):
        try:
            node = parse(expression)
        except ExpressionError as error:
            yield f"{what}: {str(error).rstrip('.')}", "Mend the expression"
        except UnsupportedError as error:
            yield f"{what}: {str(error).rstrip('.')}", f"Do without it, or {_IN_TESTSTAND}"
        else:
            if what.startswith(_RESULT) and not isinstance(node, Name):
                yield f"{what}: {expression} is no variable", "Name one, such as Locals.Value"


def _of_flow(flow: StepFlow) -> Iterator[tuple[str, str]]:
    if flow.mode not in RUN_MODES:
        modes = ", ".join(sorted(RUN_MODES))
        yield f"run mode {flow.mode} is not supported", f"Set it to one of {modes}"
    for what, action in (("pass", flow.pass_action), ("fail", flow.fail_action)):
        if action not in _ACTIONS:
            actions = " or ".join(sorted(_ACTIONS))
            yield f"{what} action {action} is not supported", f"Set it to {actions}"
    if flow.loop_type != _NO_LOOP and not flow.loop_while:
        problem = f"looping {flow.loop_type} has no expression that ends it (LoopWhile)"
        yield problem, "Give the loop its condition, or switch looping off"


def expressions(step: Step) -> Iterator[tuple[str, str]]:
    """Yield every expression of a step that is evaluated, with what it is for."""
    flow = step.flow
    if flow.precondition:
        yield "precondition", flow.precondition
    if flow.mode in FORCED_MODES:
        return
    named = {
        "pre-expression": flow.pre_expression,
        "post-expression": flow.post_expression,
        "status expression": flow.status_expression,
    }
    if flow.loop_type != _NO_LOOP:
        named |= {
            "loop initialization": flow.loop_initialize,
            "loop condition": flow.loop_while,
            "loop increment": flow.loop_increment,
            "loop status": flow.loop_status,
        }
    yield from ((what, text) for what, text in named.items() if text)
    yield from _expressions_of_call(step.call)


def _expressions_of_call(call: Call) -> Iterator[tuple[str, str]]:
    if isinstance(call, PythonCall):
        yield from ((f"argument {item.name}", item.value) for item in call.arguments)
        if call.result:
            yield f"{_RESULT} return value", call.result
        if call.instance:
            yield "class instance", call.instance
    elif isinstance(call, PinMapUpdate):
        yield "pin map", call.path
    elif isinstance(call, Wait):
        yield "time to wait", call.seconds
    elif isinstance(call, MeasurementCall):
        for item in call.parameters:
            what = f"{_RESULT} parameter" if item.output else "parameter"
            if item.value:
                yield f"{what} {item.name}", item.value
