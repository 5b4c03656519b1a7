"""List the features of TestStand that a sequence file needs and that platform-sim lacks."""

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
"""Run modes in which the module of a step is not called."""

RUN_MODES = FORCED_MODES | {"Normal"}
_ACTIONS = frozenset({"Next", "Terminate"})
_NO_LOOP = "NoLooping"
_RESULT = "result"
"""Start of the purpose of an expression that names the variable for a result."""

_IN_TESTSTAND = "run the file in TestStand"
_LEAVE_OUT = f"Set the step's run mode to Skip, or {_IN_TESTSTAND}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A feature that platform-sim lacks."""

    where: str
    """The step, or ``file``."""

    problem: str
    """The feature."""

    remedy: str
    """How to continue."""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.where}: {self.problem}. {self.remedy}."


def refusals(content: SequenceFile) -> list[Refusal]:
    """Return the features that a sequence file needs and that platform-sim lacks.

    This checks only the sequence at which execution starts. It cannot call another one.
    """
    main = content.main_sequence()
    if main is None:
        names = ", ".join(sequence.name for sequence in content.sequences) or "none"
        problem = f"it has no MainSequence, where execution starts (sequences: {names})"
        return [Refusal("file", problem, "Rename the sequence to run to MainSequence")]
    return [
        Refusal(at_step(group, step), problem, remedy)
        for group, step in main.steps()
        for problem, remedy in _of_step(step)
    ]


def refuse_unsupported(content: SequenceFile) -> Sequence:
    """Return the sequence at which execution starts.

    Raises:
        UnsupportedError: The sequence needs missing features. The text names all of them.
    """
    problems = refusals(content)
    main = content.main_sequence()
    if problems or main is None:
        raise UnsupportedError("\n".join(["This sequence cannot run here.", *map(str, problems)]))
    return main


def at_step(group: Group, step: Step) -> str:
    """Return the text by which messages name a step."""
    return f"{group.value} step {step.name!r}"


def _of_step(step: Step) -> Iterator[tuple[str, str]]:
    """Yield problems and remedies. Parts that the run mode leaves out are no problem."""
    yield from _of_flow(step.flow)
    if step.flow.mode not in FORCED_MODES:
        if isinstance(step.call, UnknownCall):
            yield f"{step.call.what} is not supported", _LEAVE_OUT
        for option in step.unknown_options:
            yield f"{option} is not supported", f"Remove the option, or {_IN_TESTSTAND}"
    for what, expression in expressions(step):
        try:
            node = parse(expression)
        except ExpressionError as error:
            yield f"{what}: {str(error).rstrip('.')}", "Correct the expression"
        except UnsupportedError as error:
            yield f"{what}: {str(error).rstrip('.')}", f"Remove it, or {_IN_TESTSTAND}"
        else:
            if what.startswith(_RESULT) and not isinstance(node, Name):
                yield f"{what}: {expression} is not a variable", "Name one, such as Locals.Value"


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
    """Yield each expression of a step that is evaluated, with its purpose."""
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
