"""The keys of a description of a sequence: what a file may have, and what each key means."""

from __future__ import annotations

from dataclasses import dataclass, fields

from platform_sim.sequence.model import Operation, Scope, StepFlow


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table."""

    name: str
    """The key."""

    kind: str
    """What its value is: text, expression, number, true or false, table, list of tables."""

    meaning: str
    """What it is for, as Markdown."""

    needed: bool = False
    """Whether it must be there."""


def _choices(choices: type[Operation] | type[Scope]) -> str:
    return ", ".join(f"`{member.name.lower()}`" for member in choices)


FILE = (
    Key("setup", "list of steps", "Steps that run first: write `[[setup]]` before each."),
    Key("main", "list of steps", "Steps that run as long as nothing has failed."),
    Key("cleanup", "list of steps", "Steps that always run."),
    Key("locals", "table", "Local variables of the sequence, with their first values."),
    Key("parameters", "table", "Parameters of the sequence, with their defaults."),
    Key("file_globals", "table", "Variables of the file, with their first values."),
    Key("python", "table", "The Python of all code modules; see below."),
)
"""The keys of the file."""

PYTHON = (
    Key("version", "text", "Such as `3.11`. Default: none."),
    Key(
        "environment",
        "text",
        "Virtual environment, relative to the sequence file; empty for the installed Python. "
        "Default: `.venv`.",
    ),
)
"""The keys of `python`."""

STEP = (
    Key("name", "text", "Name for people. Several steps can have the same.", needed=True),
    Key("id", "text", "Unique id, such as `ID#:…`. Default: made from the names of the steps."),
)
"""The keys that every step may have, with `FLOW`."""

_FLOW = {
    "precondition": ("expression", "If it is false, the step is skipped."),
    "mode": ("text", "Run mode: `Normal`, `Skip`, `ForcePass` or `ForceFail`."),
    "loop_type": ("text", "Name of the looping type. The loop expressions define the loop."),
    "loop_initialize": ("expression", "Evaluated one time before a loop."),
    "loop_while": ("expression", "The loop continues while it is true."),
    "loop_increment": ("expression", "Evaluated after each iteration."),
    "loop_status": ("expression", "The status of the whole loop."),
    "pre_expression": ("expression", "Evaluated before the call."),
    "post_expression": ("expression", "Evaluated after the call."),
    "status_expression": ("expression", "The status: a string, or true for passed."),
    "pass_action": ("text", "Action after a step that passed: `Next` or `Terminate`."),
    "fail_action": ("text", "Action after a step that failed: `Next` or `Terminate`."),
    "ignore_errors": ("true or false", "The sequence continues after an error in this step."),
    "failure_fails_sequence": ("true or false", "The sequence fails when this step fails."),
}


def _flow_key(name: str, default: object) -> Key:
    kind, meaning = _FLOW[name]
    usual = str(default).lower() if isinstance(default, bool) else default
    return Key(name, kind, f"{meaning} Default: {f'`{usual}`' if usual else 'none'}.")


FLOW = tuple(_flow_key(item.name, item.default) for item in fields(StepFlow))
"""The keys for the precondition, loop, expressions and consequences of a step."""

CALLS = {
    "pin_map": (
        Key(
            "pin_map",
            "expression",
            "Path of the pin map, relative to the sequence file. The step makes it the active one.",
            needed=True,
        ),
    ),
    "module": (
        Key(
            "module",
            "text",
            "Path of the code module, relative to the sequence file.",
            needed=True,
        ),
        Key("function", "text", "Function, class or attribute.", needed=True),
        Key("arguments", "table of expressions", "The arguments by name, in their order."),
        Key("result", "text", "Variable that gets the return value. Default: it is dropped."),
        Key(
            "operation",
            "text",
            f"What is done with the function: {_choices(Operation)}. Default: `call`.",
        ),
        Key("scope", "text", f"Where the name is: {_choices(Scope)}. Default: `module`."),
        Key("class", "text", "Class of an operation in a class or an instance."),
        Key("instance", "text", "Variable that has the instance."),
        Key("python", "table", "The Python of this step, if it is not that of the file."),
    ),
    "measurement": (
        Key("measurement", "text", "Service class of the plug-in.", needed=True),
        Key("version", "text", "Version of the plug-in. Default: the latest."),
        Key("inputs", "list of tables", "The parameters of the plug-in; see below."),
        Key("outputs", "list of tables", "The outputs of the plug-in; see below."),
        Key("limits", "table", "Limits by output; see below."),
    ),
}
"""The keys of each kind of step, by the key that makes a step this kind."""

PARAMETER = (
    Key("name", "text", "Name in the plug-in's metadata.", needed=True),
    Key("type", "text", "Type in the plug-in's metadata, with `[]` for an array.", needed=True),
    Key(
        "value",
        "expression",
        "Value of an input; default: the plug-in's. For an output, the variable that gets it.",
    ),
    Key("log", "true or false", "TestStand writes it into its report. Default: `false`."),
    Key("id", "number", "Field number in the plug-in's metadata. Default: the place in the list."),
    Key("values", "table of numbers", "The numbers of an enum by name."),
    Key("message", "text", "Full name of the protobuf message of a `message`."),
)
"""The keys of an input or output."""

LIMITS = (
    Key("low", "number", "Lowest value that passes."),
    Key("high", "number", "Highest value that passes."),
    Key("nominal", "number", "Expected value; it limits nothing."),
    Key("sites", "table", "The same three keys by site number; they replace those of all sites."),
)
"""The keys of the limits of an output."""


def names_of(*groups: tuple[Key, ...]) -> frozenset[str]:
    """Return the names of all keys of some groups."""
    return frozenset(key.name for group in groups for key in group)
