"""Check Python steps: the module can be imported, has the function, and its arguments match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from platform_sim.sequence.check.finding import Finding
from platform_sim.sequence.errors import SequenceError
from platform_sim.sequence.interpreter import Interpreters
from platform_sim.sequence.model import Operation, PythonCall, Scope
from platform_sim.sequence.paths import resolve

_POSITIONAL = frozenset({"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"})


def check_code_module(
    where: str, call: PythonCall, folder: Path, interpreters: Interpreters
) -> Iterator[Finding]:
    """Yield the errors in the call of a code module."""
    try:
        module = resolve(folder, call.module)
        answer = interpreters.get(call.environment).describe(call, module)
    except SequenceError as error:
        yield Finding(
            where, str(error).rstrip("."), "Choose a Python with --python, or correct the step"
        )
        return
    if "error" in answer:
        yield Finding(
            where,
            f"the code module {call.module} cannot be imported: {answer['error']}",
            "Correct the path or the module, or install the packages that it imports",
        )
    elif "missing" in answer:
        yield Finding(
            where,
            f"the code module {call.module} has no {answer['missing']}",
            "Correct the name in the step, or add the function to the module",
        )
    elif call.operation is Operation.CALL:
        yield from _check_call(where, call, answer)


def _check_call(where: str, call: PythonCall, answer: Mapping[str, Any]) -> Iterator[Finding]:
    if not answer["callable"]:
        yield Finding(
            where, f"{call.function} of {call.module} is not a function", "Name a function"
        )
        return
    implied = 1 if call.scope is Scope.INSTANCE else 0
    given = len(call.arguments) + implied
    least, most = _arity(answer["parameters"])
    if least <= given and (most is None or given <= most):
        return
    names = ", ".join(item["name"] for item in answer["parameters"][implied:]) or "nothing"
    yield Finding(
        where,
        f"the step passes {len(call.arguments)} arguments to {call.function}, which takes {names}",
        "Pass the arguments that it takes",
    )


def _arity(parameters: Sequence[Mapping[str, Any]]) -> tuple[int, int | None]:
    """Return the smallest and the largest number of positional arguments of a function."""
    positional = [item for item in parameters if item["kind"] in _POSITIONAL]
    least = sum(item["required"] for item in positional)
    if any(item["kind"] == "VAR_POSITIONAL" for item in parameters):
        return least, None
    return least, len(positional)
