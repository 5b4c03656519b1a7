"""Read the description of a sequence: a small TOML file that a person writes.

The arrays ``setup``, ``main`` and ``cleanup`` contain the steps. The keys of a step decide its
kind: ``pin_map``, or ``module`` with ``function``, or ``measurement`` with ``inputs``, ``outputs``
and ``limits``. Values are TestStand expressions; limits are numbers. Keys with their usual value
are left out. `description_keys` has all keys.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plugin_kit import LimitsError, OutputLimits, read_limits
from plugin_kit.limits import SITES_OUTPUT

from platform_sim.sequence import description_keys as keys
from platform_sim.sequence.description_keys import names_of
from platform_sim.sequence.errors import DescriptionError
from platform_sim.sequence.model import (
    Call,
    Group,
    MeasurementCall,
    MeasurementParameter,
    NoCall,
    Operation,
    PinMapUpdate,
    PythonArgument,
    PythonCall,
    PythonEnvironment,
    Scope,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAIN_SEQUENCE = "MainSequence"
_FLOW_KEYS = names_of(keys.FLOW)
_SPECIAL = {
    "ioresource": ("TypeString", "IOResource"),
    "pin": ("TypeString", "Pin"),
    "path": ("TypeString", "Path"),
    "enum": ("TypeEnum", "Enum"),
}
_PLAIN = ("Double", "Float", "Int32", "Int64", "Uint32", "Uint64", "Bool", "String", "Message")
_TYPES = {**_SPECIAL, **{name.lower(): (f"Type{name}", "None") for name in _PLAIN}}
_NUMBERS = frozenset({"double", "float", "int32", "int64", "uint32", "uint64"})
TYPE_NAMES = {pair: name for name, pair in _TYPES.items()}


def read_description(path: Path) -> SequenceFile:
    """Read a description.

    Raises:
        DescriptionError: The file cannot be read, or a step in it is invalid.
    """
    try:
        return parse_description(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DescriptionError(f"{path} cannot be read: {error.strerror or error}.") from error
    except DescriptionError as error:
        raise DescriptionError(f"{path}: {error}") from None


def parse_description(text: str) -> SequenceFile:
    """Read a description from text. It raises the errors of `read_description`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError(f"This is not valid TOML: {error}.") from error
    _only(content, names_of(keys.FILE), "the file")
    environment = _environment(content.get("python", {}), PythonEnvironment())
    groups = {
        group: tuple(_step(entry, environment) for entry in _tables(content, group.value.lower()))
        for group in Group
    }
    sequence = Sequence(
        MAIN_SEQUENCE,
        groups[Group.SETUP],
        groups[Group.MAIN],
        groups[Group.CLEANUP],
        content.get("locals", {}),
        content.get("parameters", {}),
    )
    return SequenceFile((sequence,), content.get("file_globals", {}))


def _step(entry: Mapping[str, Any], environment: PythonEnvironment) -> Step:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise DescriptionError(f"This step has no name: {dict(entry)}. Add one.")
    where = f"step {name!r}"
    kinds = [key for key in keys.CALLS if key in entry]
    if len(kinds) > 1:
        raise DescriptionError(f"{where} has {' and '.join(kinds)}. Give each step only one.")
    allowed = names_of(keys.STEP, keys.FLOW, *(keys.CALLS[kind] for kind in kinds))
    _only(entry, allowed, where)
    flow = StepFlow(**{key: entry[key] for key in _FLOW_KEYS if key in entry})
    call = _call(entry, kinds, environment, where)
    return Step(name, call, _text(entry, "id", where), flow)


def _call(
    entry: Mapping[str, Any], kinds: list[str], environment: PythonEnvironment, where: str
) -> Call:
    if not kinds:
        return NoCall()
    if kinds == ["pin_map"]:
        return PinMapUpdate(_text(entry, "pin_map", where))
    if kinds == ["module"]:
        return _python_call(entry, environment, where)
    return MeasurementCall(
        service_class=_text(entry, "measurement", where),
        parameters=(
            *_parameters(entry.get("inputs", []), where, output=False),
            *_parameters(entry.get("outputs", []), where, output=True),
        ),
        version=_text(entry, "version", where),
        limits=_limits(entry, where),
    )


def _limits(entry: Mapping[str, Any], where: str) -> dict[str, OutputLimits]:
    try:
        limits = read_limits(entry.get("limits", {}))
    except LimitsError as error:
        raise DescriptionError(f"{where}: {error}") from None
    if limits and "status_expression" in entry:
        raise DescriptionError(
            f"{where} has limits and a status_expression. Keep one of them: each decides whether "
            "the step passes."
        )
    types = {one.get("name"): str(one.get("type", "")) for one in entry.get("outputs", [])}
    for name in limits:
        if name not in types:
            raise DescriptionError(
                f"{where}: there are limits for {name}, but no such output. The outputs are "
                f"{', '.join(map(str, types)) or 'none'}."
            )
        if types[name].removesuffix("[]") not in _NUMBERS:
            raise DescriptionError(
                f"{where}: {name} is of type {types[name]}. Only numbers can have limits."
            )
        if limits[name].sites and types[name].endswith("[]") and SITES_OUTPUT not in types:
            raise DescriptionError(
                f"{where}: the limits of {name} depend on the site, so the step needs the output "
                f"{SITES_OUTPUT}, which has the site of each element."
            )
    return limits


def _python_call(
    entry: Mapping[str, Any], environment: PythonEnvironment, where: str
) -> PythonCall:
    if "function" not in entry:
        raise DescriptionError(f"{where} has a module, but no function. Add one.")
    arguments = entry.get("arguments", {})
    return PythonCall(
        module=_text(entry, "module", where),
        function=_text(entry, "function", where),
        arguments=tuple(PythonArgument(name, _text(arguments, name, where)) for name in arguments),
        result=_text(entry, "result", where),
        operation=_member(Operation, entry.get("operation", "call"), where),
        scope=_member(Scope, entry.get("scope", "module"), where),
        class_name=_text(entry, "class", where),
        instance=_text(entry, "instance", where),
        environment=_environment(entry.get("python", {}), environment),
    )


def _member(kind: Any, name: str, where: str) -> Any:
    try:
        return kind[name.upper()]
    except KeyError:
        choices = ", ".join(member.name.lower() for member in kind)
        raise DescriptionError(f"{where}: {name!r} is not one of {choices}.") from None


def _environment(entry: Mapping[str, str], usual: PythonEnvironment) -> PythonEnvironment:
    _only(entry, names_of(keys.PYTHON), "python")
    return PythonEnvironment(
        entry.get("version", usual.version), entry.get("environment", usual.path)
    )


def _parameters(
    entries: Iterable[Mapping[str, Any]], where: str, *, output: bool
) -> Iterable[MeasurementParameter]:
    for number, entry in enumerate(entries, start=1):
        _only(entry, names_of(keys.PARAMETER), f"{where}, parameter {entry.get('name', number)}")
        base, brackets, _ = str(entry.get("type", "")).partition("[]")
        if base not in _TYPES or "name" not in entry:
            raise DescriptionError(
                f"{where}, parameter {entry.get('name', number)}: give it a name and a type. "
                f"Types are {', '.join(_TYPES)}, with [] for an array."
            )
        type_name, specialization = _TYPES[base]
        yield MeasurementParameter(
            name=entry["name"],
            type=type_name,
            id=entry.get("id", number),
            value=_text(entry, "value", f"{where}, parameter {entry['name']}"),
            output=output,
            repeated=bool(brackets),
            specialization=specialization,
            enum_values=entry.get("values", {}),
            message_type=entry.get("message", ""),
            log=entry.get("log", False),
        )


def _tables(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    tables = content.get(key, [])
    if not isinstance(tables, list):
        raise DescriptionError(f"{key} must be an array of tables: write [[{key}]].")
    return tables


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise DescriptionError(
            f"{where}: {key} is {value!r}. Write the expression as a string, such as '6'."
        )
    return value


def _only(entry: Mapping[str, Any], allowed: frozenset[str], where: str) -> None:
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise DescriptionError(
            f"{where}: {', '.join(unknown)} is not a known key. "
            f"The keys are {', '.join(sorted(allowed))}."
        )
