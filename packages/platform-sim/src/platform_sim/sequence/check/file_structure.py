"""Check the file itself: ids, counts, types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from platform_sim.sequence.check.finding import Finding
from platform_sim.sequence.property_tree import Property, PropertyFile
from platform_sim.sequence.type_library import LOCKED_TYPES

_FILE = "file"
_SAVE_AGAIN = "Build the file again, or open it in TestStand and save it"
_BUILT_IN_TYPES = frozenset({"Path"})


def check_structure(parsed: PropertyFile) -> Iterator[Finding]:
    """Yield the errors in ids, counts and types."""
    yield from _check_ids(parsed.data)
    yield from _check_counts(parsed.data)
    yield from _check_types(parsed)


def _steps(data: Property) -> Iterator[Property]:
    sequences = data.find("Seq")
    for sequence in sequences.elements if sequences else ():
        for group in ("Setup", "Main", "Cleanup"):
            steps = sequence.find(group)
            yield from steps.elements if steps else ()


def _check_ids(data: Property) -> Iterator[Finding]:
    names: dict[str, list[str]] = defaultdict(list)
    for step in _steps(data):
        names[step.string("TS", "Id")].append(step.name)
    for step_id, steps in names.items():
        spelled = ", ".join(repr(name) for name in steps)
        if not step_id:
            yield Finding(_FILE, f"the steps {spelled} have no id", _SAVE_AGAIN)
        elif len(steps) > 1:
            yield Finding(_FILE, f"the steps {spelled} share the id {step_id}", _SAVE_AGAIN)


def _check_counts(data: Property) -> Iterator[Finding]:
    for node in data.walk():
        if node.upper_bound is not None and node.upper_bound + 1 != len(node.elements):
            yield Finding(
                _FILE,
                f"line {node.line}: {node.name} declares {node.upper_bound + 1} elements and has "
                f"{len(node.elements)}",
                "Set ubound to the index of the last element",
            )


def _check_types(parsed: PropertyFile) -> Iterator[Finding]:
    used = {node.type_name for node in parsed.data.walk() if node.type_name} - _BUILT_IN_TYPES
    if not parsed.defined_types and not parsed.locked_types:
        yield Finding(
            _FILE,
            "the file contains no type definitions, which TestStand needs",
            "To load it there, build it with --types-from, or use the COM builder on Windows",
            is_error=False,
        )
        return
    missing = used - parsed.defined_types
    locked = missing.intersection(LOCKED_TYPES)
    if len(locked) <= parsed.locked_types:
        missing -= locked
    for name in sorted(missing):
        yield Finding(
            _FILE,
            f"the type {name} is used, but not defined",
            "Use a sample for --types-from that has a step of this type",
        )
