"""Limits of measurement steps as TestStand evaluates them: variables and a status expression.

A sequence file has no place for the limits of a measurement's outputs. So the writer puts them into
the container ``Locals.Limits``, where a person can change them in TestStand, and generates the
expression that compares the measured values with them. The reader takes limits from files in which
it finds the same expression. Not verified: nothing of this ran in TestStand yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace
from typing import Any

from plugin_kit import Limits, LimitsError, OutputLimits
from plugin_kit.limits import SITES_OUTPUT

from platform_sim.sequence.errors import UnsupportedError
from platform_sim.sequence.model import (
    Group,
    MeasurementCall,
    MeasurementParameter,
    Sequence,
    SequenceFile,
    Step,
)

_CONTAINER = "Limits"
_ROOT = f"Locals.{_CONTAINER}"
_MOST_ELEMENTS = 16
"""Elements of an array that the expression compares, because TestStand's expressions have no loop.
A longer array fails."""
_VALUE = "Value"
_SITES = "Sites"
_SITE = "Site"
_KEY_IN_EXPRESSION = re.compile(rf"\b{re.escape(_ROOT)}\.(\w+)\.")
_WORDS = frozenset({"AND", "OR", "NOT", "XOR", "MOD", "TRUE", "FALSE", "NOTHING"})
"""Words of TestStand's expressions, which cannot be names."""
_MY_SITE = "RunState.TestSockets.MyIndex"


def with_limit_expressions(content: SequenceFile) -> SequenceFile:
    """Return a sequence file whose limits are variables and status expressions.

    Raises:
        UnsupportedError: A variable of the sequence has the name of the container for limits.
    """
    return replace(content, sequences=tuple(map(_write_limits, content.sequences)))


def with_limits(content: SequenceFile) -> SequenceFile:
    """Return a sequence file with the limits that `with_limit_expressions` wrote into it."""
    return replace(content, sequences=tuple(map(_take_limits, content.sequences)))


def _write_limits(sequence: Sequence) -> Sequence:
    containers: dict[str, object] = {}

    def written(step: Step) -> Step:
        if not isinstance(step.call, MeasurementCall) or not step.call.limits:
            return step
        key = _identifier(step.name, containers)
        containers[key] = _variables_of(step.call)
        return _with_expression(step, step.call, key)

    changed = _with_steps(sequence, written)
    if not containers:
        return changed
    if _CONTAINER in sequence.locals:
        raise UnsupportedError(
            f"The sequence has a variable {_ROOT}, which is the name of the container for limits. "
            "Give the variable another name."
        )
    return replace(changed, locals={**sequence.locals, _CONTAINER: containers})


def _take_limits(sequence: Sequence) -> Sequence:
    containers = sequence.locals.get(_CONTAINER)
    if not isinstance(containers, dict):
        return sequence
    found_keys: set[str] = set()

    def read(step: Step) -> Step:
        found = _KEY_IN_EXPRESSION.search(step.flow.status_expression)
        if found is None or not isinstance(step.call, MeasurementCall):
            return step
        key = found.group(1)
        call = _without_variables(step.call, key, containers.get(key))
        if not call.limits or _with_expression(step, call, key) != step:
            return step
        found_keys.add(key)
        return replace(step, call=call, flow=replace(step.flow, status_expression=""))

    changed = _with_steps(sequence, read)
    if found_keys != set(containers):
        return sequence
    others = {name: value for name, value in sequence.locals.items() if name != _CONTAINER}
    return replace(changed, locals=others)


def _with_steps(sequence: Sequence, change: Callable[[Step], Step]) -> Sequence:
    setup, main, cleanup = (tuple(map(change, sequence.group(group))) for group in Group)
    return replace(sequence, setup=setup, main=main, cleanup=cleanup)


def _identifier(name: str, taken: Container[str]) -> str:
    """Return a name that TestStand accepts for a variable, and that is not taken."""
    base = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "Value"
    if base[0].isdigit() or base.upper() in _WORDS:
        base = f"_{base}"
    free, number = base, 1
    while free in taken:
        number += 1
        free = f"{base}_{number}"
    return free


def _paths(call: MeasurementCall, key: str) -> dict[str, str]:
    """Return the container of each output of a step, by the name of the output."""
    identifiers: dict[str, str] = {}
    for output in call.outputs:
        identifiers[output.name] = _identifier(output.name, identifiers.values())
    return {name: f"{_ROOT}.{key}.{one}" for name, one in identifiers.items()}


def _variables_of(call: MeasurementCall) -> dict[str, object]:
    """Return the container of a step's limits, with a variable for each measured value."""
    container: dict[str, object] = {}
    paths = _paths(call, "")
    for output in call.outputs:
        if not _is_compared(output, call):
            continue
        limits = call.limits.get(output.name, OutputLimits())
        sites = {f"{_SITE}{site}": _named(one) for site, one in limits.sites.items()}
        container[paths[output.name].rpartition(".")[2]] = {
            **_named(limits.usual),
            **({_SITES: sites} if sites else {}),
            _VALUE: [0.0] if output.repeated else 0.0,
        }
    return container


def _is_compared(output: MeasurementParameter, call: MeasurementCall) -> bool:
    """Return whether the expression needs the value of an output."""
    repeated = {one.name for one in call.outputs if one.repeated}
    needs_sites = any(one.sites and name in repeated for name, one in call.limits.items())
    return output.name in call.limits or (output.name == SITES_OUTPUT and needs_sites)


def _named(limits: Limits) -> dict[str, float]:
    return {name.capitalize(): float(value) for name, value in limits.plain().items()}


def _limits_of(container: object) -> OutputLimits | None:
    """Return the limits in the container of an output; None if there are none."""
    if not isinstance(container, dict):
        return None
    try:
        sites = {
            int(site.removeprefix(_SITE)): _unnamed(one)
            for site, one in container.get(_SITES, {}).items()
        }
        limits = OutputLimits(_unnamed(container), sites)
    except (AttributeError, TypeError, ValueError, LimitsError):
        return None
    return limits if limits.can_fail else None


def _unnamed(values: Mapping[str, Any]) -> Limits:
    names = ("low", "high", "nominal")
    return Limits(
        **{name: values[name.capitalize()] for name in names if name.capitalize() in values}
    )


def _with_expression(step: Step, call: MeasurementCall, key: str) -> Step:
    """Return a step that stores its limited outputs in variables and compares them."""
    paths = _paths(call, key)

    def stored(one: MeasurementParameter) -> MeasurementParameter:
        if not one.output or one.value or not _is_compared(one, call):
            return one
        return replace(one, value=f"{paths[one.name]}.{_VALUE}")

    changed = replace(call, parameters=tuple(map(stored, call.parameters)), limits={})
    sites = next((one.value for one in changed.outputs if one.name == SITES_OUTPUT), "")
    terms = [
        term
        for output in changed.outputs
        if output.name in call.limits
        for term in _terms(output, sites, call.limits[output.name], paths[output.name])
    ]
    flow = replace(step.flow, status_expression=" && ".join(terms))
    return replace(step, call=changed, flow=flow)


def _without_variables(call: MeasurementCall, key: str, container: object) -> MeasurementCall:
    """Return a call with the limits of a container, and without its generated variables."""
    paths = _paths(call, key)
    below = container if isinstance(container, dict) else {}

    def bare(one: MeasurementParameter) -> MeasurementParameter:
        is_generated = one.output and one.value == f"{paths[one.name]}.{_VALUE}"
        return replace(one, value="") if is_generated else one

    found = {name: _limits_of(below.get(path.rpartition(".")[2])) for name, path in paths.items()}
    return replace(
        call,
        parameters=tuple(map(bare, call.parameters)),
        limits={name: limits for name, limits in found.items() if limits is not None},
    )


def _terms(
    output: MeasurementParameter,
    sites: str,
    limits: OutputLimits,
    container: str,
) -> Iterator[str]:
    """Yield the expressions that must all be true."""
    value = output.value
    if not output.repeated:
        yield _comparison(value, _MY_SITE, limits, container)
        return
    count = f"GetNumElements({value})"
    yield f"{count} > 0"
    yield f"{count} <= {_MOST_ELEMENTS}"
    for index in range(_MOST_ELEMENTS):
        compared = _comparison(f"{value}[{index}]", f"{sites}[{index}]", limits, container)
        yield f"({count} <= {index} ? True : {compared})"


def _comparison(value: str, site: str, limits: OutputLimits, container: str) -> str:
    """Return the expression that compares one value with the limits of its site."""
    compared = _within(value, limits.usual, container)
    for number, one in limits.sites.items():
        at_site = _within(value, one, f"{container}.{_SITES}.{_SITE}{number}")
        compared = f"({site} == {number} ? {at_site} : {compared})"
    return compared


def _within(value: str, limits: Limits, container: str) -> str:
    terms = []
    if limits.low is not None:
        terms.append(f"{value} >= {container}.Low")
    if limits.high is not None:
        terms.append(f"{value} <= {container}.High")
    return f"({' && '.join(terms)})" if terms else "True"
