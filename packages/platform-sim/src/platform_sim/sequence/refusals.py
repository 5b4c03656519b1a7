"""What a sequence file needs of TestStand that cannot be done here, by name."""

from __future__ import annotations

from collections.abc import Iterator

from platform_sim.sequence.errors import ExpressionError, UnsupportedError
from platform_sim.sequence.expression_syntax import Name, parse
from platform_sim.sequence.model import (
    Group,
    MeasurementCall,
    PinMapUpdate,
    PythonCall,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
    UnknownCall,
)

RUN_MODES = frozenset({"Normal", "Skip", "ForcePass", "ForceFail"})
_ACTIONS = frozenset({"Next", "Terminate"})
_NO_LOOP = "NoLooping"
_RESULT = "result"
"""Starts what an expression is for that names a variable to put something into."""


def refusals(content: SequenceFile) -> list[tuple[str, str]]:
    """Return what of a sequence file cannot be done here: where it stands, and what it is.

    Only the sequence at which execution starts is looked at; nothing here can call another one.
    """
    main = content.main_sequence()
    if main is None:
        names = ", ".join(sequence.name for sequence in content.sequences) or "none"
        return [("file", f"no MainSequence, where execution starts (sequences: {names})")]
    return list(_of_sequence(main))


def refuse_unsupported(content: SequenceFile) -> Sequence:
    """Return the sequence at which execution starts.

    Raises:
        UnsupportedError: Something in it cannot be done here; every such thing is named.
    """
    problems = refusals(content)
    main = content.main_sequence()
    if problems or main is None:
        lines = [f"{where}: {problem}" for where, problem in problems]
        raise UnsupportedError("\n".join(["this sequence cannot run here:", *lines]))
    return main


def _of_sequence(sequence: Sequence) -> Iterator[tuple[str, str]]:
    for group, step in sequence.steps():
        for problem in _of_step(step):
            yield at_step(group, step), problem


def at_step(group: Group, step: Step) -> str:
    """Return how messages name a step."""
    return f"{group.value} step {step.name!r}"


def _of_step(step: Step) -> Iterator[str]:
    if isinstance(step.call, UnknownCall):
        yield f"{step.call.what} is not supported"
    yield from _of_flow(step.flow)
    for what, expression in expressions(step):
        try:
            node = parse(expression)
        except (ExpressionError, UnsupportedError) as error:
            yield f"{what}: {error}"
            continue
        if what.startswith(_RESULT) and not isinstance(node, Name):
            yield f"{what}: {expression} is no variable"


def _of_flow(flow: StepFlow) -> Iterator[str]:
    if flow.mode not in RUN_MODES:
        yield f"run mode {flow.mode} is not supported"
    for what, action in (("pass", flow.pass_action), ("fail", flow.fail_action)):
        if action not in _ACTIONS:
            yield f"{what} action {action} is not supported"
    if flow.loop_type != _NO_LOOP and not flow.loop_while:
        yield f"looping {flow.loop_type} has no expression that ends it (LoopWhile)"


def expressions(step: Step) -> Iterator[tuple[str, str]]:
    """Yield every expression of a step that is evaluated, with what it is for."""
    flow = step.flow
    named = {
        "precondition": flow.precondition,
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
    call = step.call
    if isinstance(call, PythonCall):
        yield from ((f"argument {item.name}", item.value) for item in call.arguments)
        if call.result:
            yield f"{_RESULT} return value", call.result
        if call.instance:
            yield "class instance", call.instance
    elif isinstance(call, PinMapUpdate):
        yield "pin map", call.path
    elif isinstance(call, MeasurementCall):
        for item in call.parameters:
            what = f"{_RESULT} parameter" if item.output else "parameter"
            if item.value:
                yield f"{what} {item.name}", item.value
