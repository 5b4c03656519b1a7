"""Write the description of a sequence. `description` reads the same sequence from it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

from platform_sim.sequence.description import TYPE_NAMES
from platform_sim.sequence.errors import UnsupportedError
from platform_sim.sequence.model import (
    Group,
    MeasurementCall,
    MeasurementParameter,
    NoCall,
    Operation,
    PinMapUpdate,
    PythonCall,
    PythonEnvironment,
    Scope,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
)
from platform_sim.sequence.seq_writer import with_ids

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_USUAL_FLOW = StepFlow()


def description_text(content: SequenceFile) -> str:
    """Return the description of a sequence file.

    Raises:
        UnsupportedError: A description cannot express the file, such as one with two sequences.
    """
    main = content.main_sequence()
    if main is None or len(content.sequences) != 1:
        raise UnsupportedError("A description has exactly one sequence, named MainSequence.")
    environment = _usual_environment(content)
    lines = []
    if environment is not None:
        lines.append(f"python = {_toml(_environment_table(environment))}")
    for name, values in (
        ("file_globals", content.file_globals),
        ("locals", main.locals),
        ("parameters", main.parameters),
    ):
        if values:
            lines.append(f"{name} = {_toml(values)}")
    usual_ids = [step.id for _, step in with_ids(_without_ids(main)).steps()]
    for (group, step), usual_id in zip(main.steps(), usual_ids, strict=True):
        lines += ["", f"[[{group.value.lower()}]]"]
        lines += _step(step, usual_id, environment or PythonEnvironment())
    return "\n".join([*lines, ""]).lstrip("\n")


def _without_ids(sequence: Sequence) -> Sequence:
    def bare(group: Group) -> tuple[Step, ...]:
        return tuple(replace(step, id="") for step in sequence.group(group))

    return replace(
        sequence, setup=bare(Group.SETUP), main=bare(Group.MAIN), cleanup=bare(Group.CLEANUP)
    )


def _usual_environment(content: SequenceFile) -> PythonEnvironment | None:
    counts = Counter(
        step.call.environment
        for sequence in content.sequences
        for _, step in sequence.steps()
        if isinstance(step.call, PythonCall)
    )
    return counts.most_common(1)[0][0] if counts else None


def _environment_table(environment: PythonEnvironment) -> dict[str, str]:
    return {"version": environment.version, "environment": environment.path}


def _step(step: Step, usual_id: str, environment: PythonEnvironment) -> Iterator[str]:
    yield f"name = {_toml(step.name)}"
    if step.id not in ("", usual_id):
        yield f"id = {_toml(step.id)}"
    for item in fields(StepFlow):
        value = getattr(step.flow, item.name)
        if value != getattr(_USUAL_FLOW, item.name):
            yield f"{item.name} = {_toml(value)}"
    if step.unknown_options:
        options = ", ".join(step.unknown_options)
        raise UnsupportedError(f"step {step.name!r}: a description cannot express {options}.")
    call = step.call
    if isinstance(call, PinMapUpdate):
        yield f"pin_map = {_toml(call.path)}"
    elif isinstance(call, PythonCall):
        yield from _python(call, environment)
    elif isinstance(call, MeasurementCall):
        yield from _measurement(call)
    elif not isinstance(call, NoCall):
        raise UnsupportedError(f"step {step.name!r}: a description cannot express {call.what}.")


def _python(call: PythonCall, environment: PythonEnvironment) -> Iterator[str]:
    yield f"module = {_toml(call.module)}"
    yield f"function = {_toml(call.function)}"
    if call.arguments:
        yield f"arguments = {_toml({item.name: item.value for item in call.arguments})}"
    if call.operation is not Operation.CALL:
        yield f"operation = {_toml(call.operation.name.lower())}"
    if call.scope is not Scope.MODULE:
        yield f"scope = {_toml(call.scope.name.lower())}"
    for key, value in (
        ("class", call.class_name),
        ("instance", call.instance),
        ("result", call.result),
    ):
        if value:
            yield f"{key} = {_toml(value)}"
    if call.environment != environment:
        yield f"python = {_toml(_environment_table(call.environment))}"


def _measurement(call: MeasurementCall) -> Iterator[str]:
    yield f"measurement = {_toml(call.service_class)}"
    if call.version:
        yield f"version = {_toml(call.version)}"
    for key, parameters in (("inputs", call.inputs), ("outputs", call.outputs)):
        if parameters:
            yield f"{key} = ["
            for number, parameter in enumerate(parameters, start=1):
                yield f"  {_toml(_parameter(parameter, number))},"
            yield "]"
    if call.limits:
        limited = [one.name for one in call.outputs if one.name in call.limits]
        yield f"limits = {_toml({name: call.limits[name].plain() for name in limited})}"


def _parameter(parameter: MeasurementParameter, number: int) -> dict[str, object]:
    kind = TYPE_NAMES.get((parameter.type, parameter.specialization))
    if kind is None:
        raise UnsupportedError(
            f"parameter {parameter.name}: a description cannot express {parameter.type} with "
            f"{parameter.specialization}."
        )
    entry: dict[str, object] = {
        "name": parameter.name,
        "type": kind + ("[]" if parameter.repeated else ""),
    }
    if parameter.value:
        entry["value"] = parameter.value
    if parameter.log:
        entry["log"] = True
    if parameter.id != number:
        entry["id"] = parameter.id
    if parameter.enum_values:
        entry["values"] = dict(parameter.enum_values)
    if parameter.message_type:
        entry["message"] = parameter.message_type
    return entry


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(key))} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def _string(value: str) -> str:
    """Write a literal string if this saves backslashes, otherwise a basic one."""
    literal = ('"' in value or "\\" in value) and "'" not in value and value.isprintable()
    # JSON does not escape DEL, which TOML forbids.
    return (
        f"'{value}'"
        if literal
        else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    )


def _key(name: str) -> str:
    return name if _BARE_KEY.match(name) else json.dumps(name, ensure_ascii=False)
