"""Check that the variables in expressions exist, and that values have the types that are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from google.protobuf import type_pb2
from plugin_kit.calling import ENUM_VALUES_KEY, Parameter, PluginCallError, check_value

from platform_sim.sequence.check.finding import Finding
from platform_sim.sequence.errors import SequenceError, StepError
from platform_sim.sequence.expression_syntax import (
    Array,
    Assignment,
    Binary,
    Call,
    Conditional,
    Literal,
    Name,
    Node,
    Several,
    Unary,
    parse,
)
from platform_sim.sequence.expressions import evaluate
from platform_sim.sequence.model import (
    MeasurementCall,
    MeasurementParameter,
    Operation,
    PythonCall,
    Sequence,
    SequenceFile,
    Step,
    Wait,
)
from platform_sim.sequence.paths import resolve
from platform_sim.sequence.refusals import FORCED_MODES, expressions
from platform_sim.sequence.results import StepStatus
from platform_sim.sequence.step_calls import input_value, seconds_value
from platform_sim.sequence.variables import THIS_CONTEXT, ExecutionVariables, spelled

_BEFORE_THE_RESULTS = (
    "precondition",
    "loop initialization",
    "loop condition",
    "pre-expression",
    "argument",
    "class instance",
    "pin map",
    "time to wait",
    "parameter",
    "result",
)
_AFTER_THE_RESULTS = ("post-expression", "status expression", "loop increment", "loop status")
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("TypeDouble", "TypeFloat"), (int, float)),
    **dict.fromkeys(("TypeInt32", "TypeInt64", "TypeUint32", "TypeUint64"), (int, float)),
    "TypeEnum": (int, float, str),
    "TypeBool": (bool,),
    "TypeString": (str,),
}
_WORDS = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "an array"}


class _Unknown:
    """Stands for a value that is known only when the sequence runs."""


_UNKNOWN: Final = _Unknown()


class ExpressionChecks:
    """Check the expressions of a sequence, step by step in the order of a run.

    Args:
        content: The sequence file.
        sequence: The sequence to check.
        folder: Folder of the sequence file.
    """

    def __init__(self, content: SequenceFile, sequence: Sequence, folder: Path) -> None:
        self._variables = ExecutionVariables(content, sequence)
        self._folder = folder
        self._code = ""

    def check(self, where: str, step: Step) -> Iterator[Finding]:
        """Yield the variables of a step that do not exist, and values of wrong types."""
        self._variables.enter_step()
        named = [(what, text) for what, text in expressions(step) if text]
        yield from self._check_in_order(where, step, named, _BEFORE_THE_RESULTS)
        if step.flow.mode in FORCED_MODES:
            return  # only the precondition is evaluated
        self._note_call(step)
        yield from self._check_in_order(where, step, named, _AFTER_THE_RESULTS)
        if isinstance(step.call, MeasurementCall):
            for parameter in step.call.inputs:
                yield from self._check_input(where, parameter)
        elif isinstance(step.call, Wait):
            yield from self._check_wait(where, step.call.seconds)
        if step.flow.status_expression:
            yield from self._check_status(where, step.flow.status_expression)

    def _check_in_order(
        self, where: str, step: Step, named: list[tuple[str, str]], order: tuple[str, ...]
    ) -> Iterator[Finding]:
        for start in order:
            for what, text in named:
                if not what.startswith(start):
                    continue
                try:
                    node = parse(text)
                except SequenceError:
                    continue  # the refusals report this
                is_target = start == "result" or (start == "class instance" and _creates(step))
                yield from self._check_names(where, what, node, is_target)

    def _check_names(self, where: str, what: str, node: Node, is_target: bool) -> Iterator[Finding]:
        names = [(node, True)] if isinstance(node, Name) and is_target else list(_names(node))
        reported = set()
        for name, is_set in names:
            path = _static_path(name)
            if is_set and self._is_set_below_step(path):
                continue
            missing, there = self._missing(path)
            if missing and missing not in reported:
                reported.add(missing)
                yield self._missing_finding(where, what, missing, there)

    def _missing_finding(
        self, where: str, what: str, missing: tuple[str, ...], there: list[str]
    ) -> Finding:
        above = spelled(missing[:-1]) if missing[1:] else "The execution"
        return Finding(
            where,
            f"{what}: the variable {spelled(missing)} does not exist",
            f"{above} has {', '.join(there) or 'nothing'}; correct the name, or add the variable",
            is_error=not re.search(rf"\b{missing[-1]}\b", self._code),
        )

    def _missing(self, path: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
        """Return the first part of a path that does not exist, and the names that exist there."""
        if path == ("ThisContext",):
            return (), []
        node: object = self._variables.roots
        for count, name in enumerate(path, start=1):
            if isinstance(node, (str, bool, int, float)):
                return path[:count], []
            if not isinstance(node, dict):
                return (), []  # an array or object, whose content is known only in a run
            if name not in node:
                return path[:count], list(node)
            node = node[name]
        return (), []

    def _is_set_below_step(self, path: tuple[str, ...]) -> bool:
        """Set a result, which a step may add. Return whether its path exists."""
        if path[0] != "Step" or not path[1:]:
            return False
        try:
            self._variables.set(path, _UNKNOWN)
        except KeyError:
            return False
        return True

    def _note_call(self, step: Step) -> None:
        """Record the variables that a call sets."""
        if isinstance(step.call, MeasurementCall):
            self._variables.result["Outputs"] = dict.fromkeys(
                (one.name for one in step.call.outputs), _UNKNOWN
            )
        elif isinstance(step.call, PythonCall) and _gets_context(step.call):
            # The code module may add variables. Their names then occur in its text.
            try:
                module = resolve(self._folder, step.call.module)
                self._code += module.read_text(encoding="utf-8", errors="replace")
            except (SequenceError, OSError):
                return

    def _check_input(self, where: str, parameter: MeasurementParameter) -> Iterator[Finding]:
        needed = _TYPES.get(parameter.type)
        value, is_constant = self._value(parameter.value)
        if needed is None or value is _UNKNOWN:
            return
        what = f"parameter {parameter.name}"
        if is_constant and (parameter.type != "TypeEnum" or parameter.enum_values):
            problem = _refusal(parameter, value)
            if problem:
                yield Finding(where, f"{what}: {problem}", f"Give a value of {parameter.type}")
            return
        items = value if parameter.repeated and isinstance(value, list) else [value]
        for item in items:
            if not isinstance(item, needed):
                yield Finding(
                    where,
                    f"{what}: {parameter.value} is {_WORDS.get(type(item), 'no value')}, and the "
                    f"parameter needs {_WORDS[needed[0]]}",
                    f"Give a value of {parameter.type}",
                )
                return

    def _check_wait(self, where: str, text: str) -> Iterator[Finding]:
        value, is_constant = self._value(text)
        if value is _UNKNOWN or (isinstance(value, (int, float)) and not is_constant):
            return
        try:
            seconds_value(value)
        except StepError as error:
            yield Finding(where, str(error).rstrip("."), "Write a number of seconds")

    def _check_status(self, where: str, text: str) -> Iterator[Finding]:
        value, is_constant = self._value(text)
        known = [status.value for status in StepStatus]
        is_text = isinstance(value, str)
        if value is _UNKNOWN or isinstance(value, bool) or (is_text and not is_constant):
            return
        if value not in known:
            yield Finding(
                where,
                f"status expression: {text} gives {value!r}, not a status",
                f"Write an expression for true, false or one of {', '.join(known)}",
            )

    def _value(self, text: str) -> tuple[object, bool]:
        """Return the value of an expression before the run, and whether it is a constant.

        Variables have their defaults, whose types they keep.
        """
        try:
            node = parse(text)
            parts = list(_walk(node))
            if any(isinstance(part, (Assignment, Call)) for part in parts):
                return _UNKNOWN, False
            value = evaluate(text, self._variables)
        except SequenceError:
            return _UNKNOWN, False
        if value is None or value is THIS_CONTEXT or isinstance(value, (dict, _Unknown)):
            return _UNKNOWN, False
        return value, not any(isinstance(part, Name) for part in parts)


def _refusal(parameter: MeasurementParameter, value: object) -> str:
    """Return the reason why a plug-in refuses a value, "" if it accepts the value."""
    declared = Parameter(
        parameter.name,
        parameter.id,
        type_pb2.Field.Kind.Value(f"TYPE_{parameter.type.removeprefix('Type').upper()}"),
        parameter.repeated,
        annotations={ENUM_VALUES_KEY: json.dumps(dict(parameter.enum_values))},
    )
    try:
        check_value(declared, input_value(parameter, value))
    except (StepError, PluginCallError) as error:
        return str(error).removeprefix(f"{parameter.name}: ").rstrip(".")
    return ""


def _creates(step: Step) -> bool:
    return isinstance(step.call, PythonCall) and step.call.operation is Operation.CREATE_CLASS


def _gets_context(call: PythonCall) -> bool:
    return any(item.value.strip() == "ThisContext" for item in call.arguments)


def _static_path(name: Name) -> tuple[str, ...]:
    """Return the names of a variable up to its first index."""
    path: list[str] = []
    for part in name.parts:
        if not isinstance(part, str):
            break
        path.append(part)
    return tuple(path)


def _names(node: Node) -> Iterator[tuple[Name, bool]]:
    """Yield the variables of an expression in their order, and whether it sets them."""
    if isinstance(node, Assignment):
        yield from _names(node.value)
        if node.symbol != "=":
            yield node.target, False
        yield node.target, True
        for index in node.target.parts:
            if not isinstance(index, str):
                yield from _names(index)
        return
    if isinstance(node, Name):
        yield node, False
    for part in _parts(node):
        yield from _names(part)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in _parts(node):
        yield from _walk(part)


def _parts(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Literal):
        return ()
    if isinstance(node, (Array, Several)):
        return node.items
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Unary):
        return (node.operand,)
    if isinstance(node, Binary):
        return node.left, node.right
    if isinstance(node, Conditional):
        return node.condition, node.yes, node.no
    if isinstance(node, Assignment):
        return node.target, node.value
    return tuple(part for part in node.parts if not isinstance(part, str))
