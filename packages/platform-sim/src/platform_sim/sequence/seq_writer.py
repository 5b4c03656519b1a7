"""Write the model to a .seq file in XML form.

The same model gives the same bytes: step ids come from names, and the text contains nothing about
the machine or the time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from platform_sim.sequence.limit_expressions import with_limit_expressions
from platform_sim.sequence.model import Group, Sequence, SequenceFile, Step
from platform_sim.sequence.property_tree import XSI
from platform_sim.sequence.property_xml import (
    ARRAY_ELEMENT,
    array,
    container,
    element,
    leaf,
    variables,
)
from platform_sim.sequence.step_ids import step_id
from platform_sim.sequence.step_xml import step_xml
from platform_sim.sequence.type_library import NO_TYPES, TypeLibrary
from platform_sim.sequence.xml_text import Element, Verbatim, render

_BUILT_IN = 4194304
_BUILT_IN_HIDDEN = 4194312
_BUILT_IN_OPTIONS = 4456456
_BUILT_IN_PARAMETERS = 4456448
_BUILT_IN_LINKS = 71303168
"""Flags of the properties that every sequence file has, as TestStand 2021 saves them."""

_NORMAL_PRIORITY = 2953567917

_ENTRY_POINT: tuple[tuple[str, str, object], ...] = (
    ("Type", "Num", 0),
    ("OptimizeNonReentrantCalls", "Bool", True),
    ("EPNameExpr", "Str", '"Unnamed Entry Point"'),
    ("EPEnabledExpr", "Str", "True"),
    ("EPMenuHint", "Str", ""),
    ("EPIgnoreClient", "Bool", False),
    ("EPInitiallyHidden", "Bool", False),
    ("EPCheckToSaveTitledFile", "Bool", True),
    ("ShowEPAlways", "Bool", False),
    ("ShowEPForFileWin", "Bool", True),
    ("ShowEPForExeWin", "Bool", False),
    ("ShowEPForEditorOnly", "Bool", False),
    ("AllowIntExeOfEP", "Bool", False),
    ("CopyStepsOnOverriding", "Bool", True),
    ("Priority", "Num", _NORMAL_PRIORITY),
)


def write_sequence_file(path: Path, content: SequenceFile, types: TypeLibrary = NO_TYPES) -> None:
    """Write a sequence file in XML form.

    Raises:
        UnsupportedError: Only the reader knows the type of a step.
        OSError: The file cannot be written.
    """
    path.write_text(sequence_text(content, types), encoding="utf-8-sig", newline="\n")


def sequence_text(content: SequenceFile, types: TypeLibrary = NO_TYPES) -> str:
    """Return the text of a sequence file, without a byte order mark."""
    content = with_limit_expressions(content)
    data = container("Data", _file_properties(content), class_name="SequenceFileData")
    data = replace(data, attributes={**data.attributes, "valueflags": str(_BUILT_IN)})
    typelist = Verbatim(f"\t{types.typelist}") if types.typelist else Element("typelist")
    root = Element(
        "teststandfileheader",
        {**types.header, "xmlns:xsi": XSI, "xmlns": types.namespace},
        (typelist, data),
    )
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *render(root), ""])


def with_ids(sequence: Sequence) -> Sequence:
    """Return a sequence in which every step has an id. Existing ids are kept."""
    groups: dict[Group, list[Step]] = {group: [] for group in Group}
    seen: Counter[tuple[Group, str]] = Counter()
    for group, step in sequence.steps():
        derived = step_id(sequence.name, group.value, step.name, seen[group, step.name])
        seen[group, step.name] += 1
        groups[group].append(replace(step, id=step.id or derived))
    return replace(
        sequence,
        setup=tuple(groups[Group.SETUP]),
        main=tuple(groups[Group.MAIN]),
        cleanup=tuple(groups[Group.CLEANUP]),
    )


def _file_properties(content: SequenceFile) -> list[Element]:
    sequences = [_sequence(with_ids(sequence)) for sequence in content.sequences]
    model_file = leaf("ModelFile", "PathValue", flags=_BUILT_IN_HIDDEN)
    path_type = {"typename": "Path", "xsi:type": "Path"}
    hidden: tuple[tuple[str, str, object], ...] = (
        ("LoadOpt", "Str", "UseStepLoadOpt"),
        ("UnloadOpt", "Str", "UseStepUnloadOpt"),
        ("Version", "Str", "0.0.0.0"),  # noqa: S104
        ("BatchSync", "Num", 1),
        ("SFGlobalsScope", "Num", 0),
        ("Type", "Num", 0),
        ("ModelOption", "Num", 0),
    )
    return [
        array("Seq", "Objs", sequences, flags=_BUILT_IN),
        container("FileGlobalDefaults", variables(content.file_globals), flags=_BUILT_IN),
        replace(model_file, attributes={**path_type, **model_file.attributes}),
        *(leaf(*row, flags=_BUILT_IN_HIDDEN) for row in hidden),
        _requirements(_BUILT_IN + 1),
    ]


def _sequence(sequence: Sequence) -> Element:
    options = [leaf(*row, flags=_BUILT_IN) for row in _ENTRY_POINT]
    return element(
        "Sequence",
        [
            container("Parameters", variables(sequence.parameters), flags=_BUILT_IN_PARAMETERS),
            _locals(sequence.locals),
            *(_steps(sequence, group) for group in (Group.MAIN, Group.SETUP, Group.CLEANUP)),
            leaf("RecordResults", "Bool", True, flags=_BUILT_IN_HIDDEN),
            container("RTS", options, flags=_BUILT_IN_OPTIONS),
            _requirements(_BUILT_IN_OPTIONS),
            leaf("FailureAction", "Num", 2, flags=_BUILT_IN_HIDDEN),
        ],
        name=sequence.name,
    )


def _locals(values: Mapping[str, object]) -> Element:
    prototype = Element(ARRAY_ELEMENT, {"name": "", "classname": "TEResult"})
    results = array("ResultList", "Objs", prototype=prototype, flags=_BUILT_IN)
    return container("Locals", [results, *variables(values)], flags=_BUILT_IN)


def _steps(sequence: Sequence, group: Group) -> Element:
    steps = [step_xml(step) for step in sequence.group(group)]
    return array(group.value, "Objs", steps, flags=_BUILT_IN)


def _requirements(flags: int) -> Element:
    return container("Requirements", [array("Links", "Strs", flags=_BUILT_IN_LINKS)], flags=flags)
